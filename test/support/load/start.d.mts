import type { LoadHandle, LoadOptions } from './types.js';

export declare function startLoad(options: LoadOptions): Promise<LoadHandle>;
