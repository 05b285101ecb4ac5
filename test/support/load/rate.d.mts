import type { AchievedRate } from './types.js';

export declare function achievedRate(requested: number, attempted: number, elapsed: number): AchievedRate;
