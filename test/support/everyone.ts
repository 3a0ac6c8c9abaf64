import { rungsHere } from './rungs.ts';
import { makeUser, unreachableFor } from './users.ts';
import { Workspace } from './workspace.ts';

/** One who builds. */
export interface Builder {
  readonly who: string;
  readonly work: Workspace;
  /** Why this one cannot be tried, if so. */
  readonly skip: string | false;
}

/** Root and two ordinary users, who see owners differently, each with a workspace of its own. */
export class Everyone {
  readonly root = new Workspace();
  /** The user with subordinate ids. */
  readonly many: Workspace;
  /** The user with a single id: all files seem root's. */
  readonly one: Workspace;
  readonly #skip: string | false;

  /** @param skip why the tests are skipped: then no users are made, and root stands for them */
  constructor(skip: string | false) {
    this.#skip = skip;
    this.many = skip ? this.root : new Workspace(makeUser('subordinate'));
    this.one = skip ? this.root : new Workspace(makeUser('single'));
  }

  get users(): Builder[] {
    return [
      this.#builder('a user with subordinate ids', this.many),
      this.#builder('a user with a single id', this.one),
    ];
  }

  get builders(): Builder[] {
    return [this.#builder('root', this.root), ...this.users];
  }

  /** Each of them in each sandbox that can be tried here. */
  get places(): (Builder & { readonly rung: string })[] {
    return this.builders.flatMap(builder =>
      rungsHere.map(rung => ({ ...builder, rung, who: `${builder.who} in the ${rung} sandbox` })),
    );
  }

  #builder(who: string, work: Workspace): Builder {
    return { who, work, skip: this.#skip || (work.user !== undefined && unreachableFor(work.user)) };
  }
}
