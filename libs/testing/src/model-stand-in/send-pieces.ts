import type { ServerResponse } from 'node:http';
import type { ModelTurn } from './model-turn.js';

/**
 * Writes an answer piece by piece: slowly where the scenario says so, and only its first half, with the
 * connection broken after it, where it is to be cut. Stops when the client goes away.
 */
export function sendPieces(response: ServerResponse, pieces: string[], { slowMs, cut }: Pick<ModelTurn, 'slowMs' | 'cut'>): void {
  const left = cut ? pieces.slice(0, Math.floor(pieces.length / 2)) : [...pieces];
  let timer: NodeJS.Timeout | undefined;
  response.once('close', () => clearTimeout(timer));
  const next = (): void => {
    if (response.destroyed) return;
    const piece = left.shift();
    if (piece !== undefined) {
      // In order: a piece must have gone out before the connection is broken after it.
      response.write(piece, () => {
        if (slowMs && !response.destroyed) timer = setTimeout(next, slowMs);
        else next();
      });
    } else if (cut) {
      response.destroy();
    } else {
      response.end();
    }
  };
  response.flushHeaders();
  next();
}
