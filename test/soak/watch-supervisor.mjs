// Loaded into `uninterruptible supervise` (--import), which lives through every restart: tells of it every half second.
import { look } from './look.mjs';

const INTERVAL = 500;

setInterval(() => look({ msg: 'supervisor looked' }), INTERVAL).unref();
