const NUMBERS_OF_CARDS = /\d(?:[ -]?\d){11,}/g;
const ADDRESSES = /[^\s"'<>()]+@[^\s"'<>()]+/g;

/** A text without e-mail addresses and card numbers. */
export const masked = (text: string): string => text.replace(ADDRESSES, "***").replace(NUMBERS_OF_CARDS, "***");
