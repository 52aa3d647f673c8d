// Draws what a terminal shows as SVG, for the README.

const COLUMNS = 100;
const [CHAR, LINE, MARGIN, TOP, SIZE] = [8.4, 19, 20, 54, 14];
const COLOURS = { text: '#adbac7', green: '#8ddb8c', red: '#f47067', yellow: '#f69d50', cyan: '#96d0ff' } as const;
const CODES: Readonly<Record<string, string>> = {
  31: COLOURS.red,
  32: COLOURS.green,
  33: COLOURS.yellow,
  36: COLOURS.cyan,
};

interface Span {
  text: string;
  colour: string;
}

// colours, cursor moves, erasing, modes; everything else that starts with ESC is dropped
const [ESC, BELL] = [String.fromCharCode(27), String.fromCharCode(7)];
const ESCAPE = new RegExp(`^${ESC}(?:\\[([0-9;?]*)([A-Za-z])|\\][^${BELL}${ESC}]*(?:${BELL}|${ESC}\\\\)|.)`);

/** The lines that are left on the screen after a terminal got `output`, each with its colours. */
export const screenOf = (output: string): Span[][] => {
  const rows: { char: string; colour: string }[][] = [[]];
  let [row, column] = [0, 0];
  let colour: string = COLOURS.text;
  for (let rest = output; rest !== ''; ) {
    const sequence = ESCAPE.exec(rest);
    if (sequence) {
      const [whole, parameters = '', command = ''] = sequence;
      const count = Number(parameters) || 1;
      if (command === 'm') colour = parameters.split(';').reduce(colourAfter, colour);
      else if (command === 'A') row = Math.max(0, row - count);
      else if (command === 'G') column = count - 1;
      else if (command === 'K') rows[row] = parameters === '2' ? [] : (rows[row] ?? []).slice(0, column);
      else if (command === 'J') rows.splice(row, rows.length, (rows[row] ?? []).slice(0, column));
      rest = rest.slice(whole.length);
      continue;
    }
    const [char = ''] = rest;
    rest = rest.slice(char.length);
    if (char === '\n') row += 1;
    else if (char === '\r') column = 0;
    else if (char >= ' ') {
      rows[row] ??= [];
      const line = rows[row] ?? [];
      while (line.length < column) line.push({ char: ' ', colour });
      line[column] = { char, colour };
      column += 1;
    }
    while (rows.length <= row) rows.push([]);
  }
  return withoutEmptyEnd(rows.map(spansOf));
};

const colourAfter = (colour: string, code: string): string => {
  if (['', '0', '39'].includes(code)) return COLOURS.text;
  return CODES[code] ?? colour;
};

const spansOf = (line: readonly { char: string; colour: string }[]): Span[] => {
  const spans: Span[] = [];
  for (const { char, colour } of line) {
    const last = spans.at(-1);
    if (last?.colour === colour) last.text += char;
    else spans.push({ text: char, colour });
  }
  return spans;
};

const withoutEmptyEnd = (lines: Span[][]): Span[][] => {
  const end = lines.findLastIndex((spans) => spans.some(({ text }) => text.trim() !== ''));
  return lines.slice(0, end + 1);
};

/** A picture of a terminal after `output`, the output of a program in a terminal, was written to it; `label` is for readers who do not see it. */
export const terminalPicture = (output: string, label: string): string => {
  const lines = screenOf(output);
  const longest = Math.max(COLUMNS, ...lines.map((spans) => spans.reduce((sum, { text }) => sum + text.length, 0)));
  const [width, height] = [Math.ceil(longest * CHAR) + 2 * MARGIN, TOP + lines.length * LINE];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#22272e"/>`,
    `<circle cx="22" cy="20" r="6" fill="${COLOURS.red}"/><circle cx="42" cy="20" r="6" fill="${COLOURS.yellow}"/><circle cx="62" cy="20" r="6" fill="${COLOURS.green}"/>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="${SIZE}" xml:space="preserve">`,
    ...lines.map((spans, index) => `<text x="${MARGIN}" y="${TOP + index * LINE}">${spans.map(tspan).join('')}</text>`),
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
};

const tspan = ({ text, colour }: Span): string => `<tspan fill="${colour}">${escaped(text)}</tspan>`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
