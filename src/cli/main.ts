#!/usr/bin/env node
/** The `uninterruptible` command. */
import { rememberStdio } from '../process/become.js';

// Before anything is written, and before anything else is loaded: node:util, of Node 22, makes stderr non-blocking.
const stdio = rememberStdio();
void import('./command.js').then(({ command }) => command(stdio));
