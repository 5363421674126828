/** Waits for work, but no longer than for a number of milliseconds, nor any longer after `hurry`. */
export async function within(
  patienceMs: number,
  work: Promise<unknown>,
  hurry?: AbortSignal,
): Promise<void> {
  let giveUp = (): void => undefined;
  const outOfPatience = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  const patience = setTimeout(giveUp, patienceMs);
  hurry?.addEventListener('abort', giveUp, { once: true });
  if (hurry?.aborted) giveUp();
  await Promise.race([work, outOfPatience]);
  clearTimeout(patience);
  hurry?.removeEventListener('abort', giveUp);
}
