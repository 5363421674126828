/** The page of compatibility, below the checkout. */
export declare const PAGE: string;
/** Its text with the tables of what was recorded. */
export declare function compatibilityPage(checkout: string): string;
