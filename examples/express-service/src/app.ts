import express, { type Express } from 'express';

/** The service without its socket, so that a test can drive it. */
export function createApp(startedAt: number = Date.now()): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/', (_request, response) => {
    response.json({ message: 'Built in four stages.' });
  });
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok', uptimeSeconds: Math.round((Date.now() - startedAt) / 1000) });
  });
  return app;
}
