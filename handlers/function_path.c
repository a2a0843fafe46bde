/* SPDX-License-Identifier: MIT */
/* The name of a Convex function. */
#include "handlers/function_path.h"

#include <stddef.h>

enum { FUNCTION_PATH_PART_MAX = 64 }; /* Convex's MAX_IDENTIFIER_LEN, which bounds folders, too */

static bool function_path_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool function_path_letter_or_digit(char c)
{
    return function_path_letter(c) || (c >= '0' && c <= '9');
}

/* A part may hold letters, digits, _ and the character more, and needs a letter or a digit. */
static bool function_path_part_valid(struct span part, char more)
{
    bool any = false;

    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        if (function_path_letter_or_digit(c))
            any = true;
        else if (c != '_' && c != more)
            return false;
    }
    return any && part.len <= FUNCTION_PATH_PART_MAX;
}

static bool function_path_identifier_valid(struct span name)
{
    return function_path_part_valid(name, '_') &&
           (name.at[0] == '_' || function_path_letter(name.at[0]));
}

static const char *function_path_last(struct span s, char c)
{
    return s.len > 0 ? memrchr(s.at, c, s.len) : NULL;
}

/* The name of a file, with .js or without an extension. Convex adds .js to a name without one, and
 * counts the bytes afterwards. */
static bool function_path_file_valid(struct span file)
{
    const char *dot = function_path_last(file, '.');

    if (!function_path_part_valid(file, '.'))
        return false;
    if (!dot || dot == file.at) /* a name that only begins with a dot has no extension */
        return file.len + strlen(".js") <= FUNCTION_PATH_PART_MAX;
    struct span extension = {dot, (size_t)(file.at + file.len - dot)};
    return span_eq(extension, SPAN(".js"));
}

static bool function_path_module_valid(struct span module)
{
    const char *slash;

    while (module.len > 0 && (slash = memchr(module.at, '/', module.len))) {
        struct span folder = {module.at, (size_t)(slash - module.at)};
        if (!function_path_part_valid(folder, '.'))
            return false;
        module.at = slash + 1;
        module.len -= folder.len + 1;
    }
    return function_path_file_valid(module);
}

bool function_path_valid(struct span path)
{
    const char *colon = function_path_last(path, ':');

    if (!colon)
        return false;
    struct span module = {path.at, (size_t)(colon - path.at)};
    struct span name = {colon + 1, path.len - module.len - 1};
    return function_path_module_valid(module) && function_path_identifier_valid(name);
}
