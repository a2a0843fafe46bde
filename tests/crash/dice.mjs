// SPDX-License-Identifier: MIT
// Chance that can be repeated: everything follows from one seed.

// Source: mulberry32, Tommy Ettinger, public domain.
export class Dice {
  constructor(seed) {
    this.seed = seed >>> 0;
    this.state = this.seed;
  }

  // At least 0, less than 1.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  // A whole number, both ends included.
  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.int(0, list.length - 1)];
  }

  // One of the keys, each as often as its weight says.
  weighted(weights) {
    const entries = Object.entries(weights);
    let at = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    return (entries.find(([, weight]) => (at -= weight) < 0) ?? entries.at(-1))[0];
  }

  // Separate dice for each purpose, so that throws for one change no other.
  fork(purpose) {
    let hash = this.seed ^ 0x811c9dc5; // FNV-1a
    for (const char of purpose) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
    return new Dice(hash);
  }
}
