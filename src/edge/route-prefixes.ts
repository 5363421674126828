import { type ControllerOptions, type VersioningOptions, VersioningType } from '@nestjs/common';
import { pathSegments } from './listed-paths.js';

/** The part of Nest's configuration that says what is put in front of the paths of controllers. */
export interface PrefixConfig {
  getGlobalPrefix(): string;
  getVersioning(): VersioningOptions | undefined;
}

/** What `@Controller({ version })` and `@Version()` take. */
export type RouteVersion = NonNullable<ControllerOptions['version']>;

/** Versions that no route has are asked for too, by whoever looks for an older one. */
const NUMBER = /^\d+(?:\.\d+)*$/;

/**
 * What Nest puts in front of the path that a controller names: the global prefix, and of a route that has a version in
 * its URI, behind it, the version. A host sets both once the app is made, so they are read when they are needed.
 */
export class RoutePrefixes {
  private knownPrefix = '';
  private knownVersioning: VersioningOptions | undefined;
  private prefix: readonly string[] = [];
  private versionPrefix: string | null = null;
  private versions: ReadonlySet<string> = new Set();

  constructor(
    private readonly config: PrefixConfig,
    /** What controllers and handlers say of their versions. */
    private readonly declared: () => Iterable<RouteVersion>,
  ) {}

  /** Nothing is put in front of any path. */
  get areNone(): boolean {
    this.refresh();
    return this.prefix.length === 0 && this.versionPrefix === null;
  }

  /**
   * Whether any of the places passes where, in a request's path, by segments, the path of a route may begin: its very
   * beginning, since a route can be excluded from the prefix and be neutral as to versions, and behind what is put in
   * front. To be asked where there is something ({@link areNone}).
   */
  someStart(segments: readonly string[], passes: (start: number) => boolean): boolean {
    const behind = this.startBehindPrefix(segments);
    return (
      passes(0) ||
      (this.isVersion(segments[0]) && passes(1)) ||
      (behind > 0 && (passes(behind) || (this.isVersion(segments[behind]) && passes(behind + 1))))
    );
  }

  /** 0 where the prefix is not there. */
  private startBehindPrefix(segments: readonly string[]): number {
    const { prefix } = this;
    for (let i = 0; i < prefix.length; i += 1) {
      // A parameter in the prefix, such as `:tenant`, is any segment.
      if (prefix[i] !== segments[i] && !prefix[i]!.startsWith(':')) return 0;
    }
    return prefix.length;
  }

  private isVersion(segment: string | undefined): boolean {
    const { versionPrefix } = this;
    if (versionPrefix === null || segment?.startsWith(versionPrefix) !== true) return false;
    const version = segment.slice(versionPrefix.length);
    return this.versions.has(version) || NUMBER.test(version);
  }

  private refresh(): void {
    const prefix = this.config.getGlobalPrefix();
    const versioning = this.config.getVersioning();
    if (prefix !== this.knownPrefix) {
      this.knownPrefix = prefix;
      this.prefix = pathSegments(prefix);
    }
    if (versioning !== this.knownVersioning) {
      this.knownVersioning = versioning;
      this.versionPrefix = versionPrefixOf(versioning);
      const values = [...this.declared(), versioning?.defaultVersion].flat();
      const texts = values.filter((value) => typeof value === 'string');
      this.versions = new Set(texts.map((text) => text.toLowerCase()));
    }
  }
}

function versionPrefixOf(versioning: VersioningOptions | undefined): string | null {
  if (versioning?.type !== VersioningType.URI) return null;
  const { prefix = 'v' } = versioning;
  return prefix === false ? '' : prefix.toLowerCase();
}
