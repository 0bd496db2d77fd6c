/**
 * Colour schemes of the terminal: the page's own, and well-known ones of others.
 */

/** @typedef {import("../../vendor/xterm/xterm.mjs").ITheme} Theme */
/**
 * @typedef {object} Scheme
 * @property {string} name as people know it
 * @property {"dark" | "light"} look of its ground
 * @property {Theme} theme
 */

const ANSI = /** @type {const} */ ([
  "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
  "brightBlack", "brightRed", "brightGreen", "brightYellow",
  "brightBlue", "brightMagenta", "brightCyan", "brightWhite",
]);

/**
 * @param {string} name
 * @param {"dark" | "light"} look
 * @param {string} colours ground, text, cursor, selection, then the sixteen of ANSI, without ``#``
 * @returns {Scheme}
 */
function scheme(name, look, colours) {
  const [background, foreground, cursor, selectionBackground, ...ansi] = colours
    .trim()
    .split(/\s+/)
    .map((colour) => `#${colour}`);
  const named = Object.fromEntries(ANSI.map((key, index) => [key, ansi[index]]));
  const theme = { background, foreground, cursor, cursorAccent: background, selectionBackground, ...named };
  return { name, look, theme: /** @type {Theme} */ (theme) };
}

/** By what is kept in the preferences. "dark", "light" and "contrast" are the page's own. */
export const SCHEMES = Object.freeze({
  dark: scheme("ptybridge dark", "dark", `
    16181d e4e6ea e4e6ea 3b4a6b
    2a2e37 ef7a76 6fcf8a e5b567 7aa2f7 c792ea 6cc7d6 c9ced6
    737b8a ff9a94 93e2a6 f5cf8b a3bffb dcb3f5 97dee8 ffffff`),
  light: scheme("ptybridge light", "light", `
    f4f4f2 22252b 22252b c5d3f0
    22252b b3261e 1f6f37 7d5200 2b59c3 8e2f9e 0b6a75 6b7280
    565c66 c8332a 24803f 8f5f00 3a68d8 a03bb1 0d7986 3c4047`),
  contrast: scheme("High contrast", "dark", `
    000000 ffffff ffff00 3366ff
    000000 ff6e67 5dff8f ffd75d 7db3ff ff9dff 5dffff ffffff
    8a8a8a ff8a85 8dffb0 ffe38a a6ccff ffbfff 9dffff ffffff`),
  dracula: scheme("Dracula", "dark", `
    282a36 f8f8f2 f8f8f2 44475a
    21222c ff5555 50fa7b f1fa8c bd93f9 ff79c6 8be9fd f8f8f2
    6272a4 ff6e6e 69ff94 ffffa5 d6acff ff92df a4ffff ffffff`),
  solarizedDark: scheme("Solarized Dark", "dark", `
    002b36 839496 839496 073642
    073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5
    586e75 cb4b16 657b83 839496 839496 6c71c4 93a1a1 fdf6e3`),
  solarizedLight: scheme("Solarized Light", "light", `
    fdf6e3 657b83 657b83 eee8d5
    073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5
    002b36 cb4b16 586e75 657b83 839496 6c71c4 93a1a1 fdf6e3`),
  gruvboxDark: scheme("Gruvbox Dark", "dark", `
    282828 ebdbb2 ebdbb2 504945
    282828 cc241d 98971a d79921 458588 b16286 689d6a a89984
    928374 fb4934 b8bb26 fabd2f 83a598 d3869b 8ec07c ebdbb2`),
  gruvboxLight: scheme("Gruvbox Light", "light", `
    fbf1c7 3c3836 3c3836 d5c4a1
    fbf1c7 cc241d 98971a d79921 458588 b16286 689d6a 7c6f64
    928374 9d0006 79740e b57614 076678 8f3f71 427b58 3c3836`),
  nord: scheme("Nord", "dark", `
    2e3440 d8dee9 d8dee9 434c5e
    3b4252 bf616a a3be8c ebcb8b 81a1c1 b48ead 88c0d0 e5e9f0
    4c566a bf616a a3be8c ebcb8b 81a1c1 b48ead 8fbcbb eceff4`),
  oneDark: scheme("One Dark", "dark", `
    282c34 abb2bf abb2bf 3e4451
    282c34 e06c75 98c379 e5c07b 61afef c678dd 56b6c2 abb2bf
    5c6370 e06c75 98c379 e5c07b 61afef c678dd 56b6c2 ffffff`),
  tokyoNight: scheme("Tokyo Night", "dark", `
    1a1b26 c0caf5 c0caf5 283457
    15161e f7768e 9ece6a e0af68 7aa2f7 bb9af7 7dcfff a9b1d6
    414868 f7768e 9ece6a e0af68 7aa2f7 bb9af7 7dcfff c0caf5`),
  monokai: scheme("Monokai", "dark", `
    272822 f8f8f2 f8f8f0 49483e
    272822 f92672 a6e22e f4bf75 66d9ef ae81ff a1efe4 f8f8f2
    75715e f92672 a6e22e f4bf75 66d9ef ae81ff a1efe4 f9f8f5`),
  catppuccinMocha: scheme("Catppuccin Mocha", "dark", `
    1e1e2e cdd6f4 f5e0dc 45475a
    45475a f38ba8 a6e3a1 f9e2af 89b4fa f5c2e7 94e2d5 bac2de
    585b70 f38ba8 a6e3a1 f9e2af 89b4fa f5c2e7 94e2d5 a6adc8`),
  catppuccinLatte: scheme("Catppuccin Latte", "light", `
    eff1f5 4c4f69 dc8a78 ccd0da
    5c5f77 d20f39 40a02b df8e1d 1e66f5 ea76cb 179299 acb0be
    6c6f85 d20f39 40a02b df8e1d 1e66f5 ea76cb 179299 bcc0cc`),
  githubLight: scheme("GitHub Light", "light", `
    ffffff 1f2328 044289 dbe9f9
    24292f cf222e 116329 7d4e00 0969da 8250df 1b7c83 6e7781
    57606a a40e26 1a7f37 633c01 218bff a475f9 3192aa 8c959f`),
  tomorrowNight: scheme("Tomorrow Night", "dark", `
    1d1f21 c5c8c6 c5c8c6 373b41
    1d1f21 cc6666 b5bd68 f0c674 81a2be b294bb 8abeb7 c5c8c6
    969896 cc6666 b5bd68 f0c674 81a2be b294bb 8abeb7 ffffff`),
});

/** @typedef {keyof typeof SCHEMES} SchemeName */

/**
 * @param {string} chosen a scheme's name; "page" for the one that goes with the page's look
 * @param {"dark" | "light" | "contrast"} look the page's
 * @returns {Scheme}
 */
export function schemeFor(chosen, look) {
  return chosen in SCHEMES ? SCHEMES[/** @type {SchemeName} */ (chosen)] : SCHEMES[look];
}
