import type { LatencySummary } from './types.js';

export declare class Latency {
  record(milliseconds: number): void;
  summary(): LatencySummary;
}
