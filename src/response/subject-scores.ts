import { SCORE_FADES_MS, type Finding } from '../detection/finding.js';

/** Subjects of whom findings are remembered; the one that was heard of longest ago goes first. */
const MAX_SUBJECTS = 20_000;

/** What speaks against subjects in all, as far as this process has found it. */
export class SubjectScores {
  private readonly subjects = new Map<string, Map<string, { weight: number; lastMs: number }>>();

  note({ subject, detector, weight, lastSeen }: Finding): void {
    const known = this.subjects.get(subject) ?? new Map();
    this.subjects.delete(subject);
    this.subjects.set(subject, known);
    const before = known.get(detector)?.weight ?? 0;
    known.set(detector, { weight: Math.max(before, weight), lastMs: lastSeen.getTime() });
    if (this.subjects.size <= MAX_SUBJECTS) return;
    for (const oldest of this.subjects.keys()) {
      this.subjects.delete(oldest);
      return;
    }
  }

  /** The weights of its findings, each fading to nothing over 30 days, to a tenth: what is of now has its whole weight. */
  of(subject: string, nowMs: number): number {
    let score = 0;
    for (const { weight, lastMs } of this.subjects.get(subject)?.values() ?? []) {
      score += weight * Math.min(1, Math.max(0, 1 - (nowMs - lastMs) / SCORE_FADES_MS));
    }
    return Math.round(score * 10) / 10;
  }

  forget(subject: string): void {
    this.subjects.delete(subject);
  }
}
