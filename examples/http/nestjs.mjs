// NestJS in JavaScript; with TypeScript the decorators stand where they belong. `init` before, `close` after: no `listen`.
import 'reflect-metadata';
import { text } from 'node:stream/consumers';
import { All, Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HttpServer } from 'uninterruptible/http';
import { options } from './options.mjs';

class AppController {
  async answer(request) {
    return { pid: process.pid, body: await text(request) };
  }
}
All('/')(
  AppController.prototype,
  'answer',
  Object.getOwnPropertyDescriptor(AppController.prototype, 'answer'),
);
Req()(AppController.prototype, 'answer', 0);
Controller()(AppController);

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, { bodyParser: false, logger: false });

class NestServer extends HttpServer {
  async warmUp() {
    await app.init();
  }

  async onStop() {
    await app.close();
  }
}

await new NestServer(app.getHttpServer(), options).run();
