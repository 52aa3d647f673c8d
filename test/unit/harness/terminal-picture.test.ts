import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { screenOf, terminalPicture } from '../../harness/terminal-picture.ts';

const ESC = '\u001b[';
const text = (output: string): string[] => screenOf(output).map((spans) => spans.map(({ text }) => text).join(''));

describe('a screen shows what is left after everything was drawn', () => {
  const cases: Record<string, [output: string, lines: string[]]> = {
    'plain lines': ['a\r\nb\r\n', ['a', 'b']],
    'a spinner that ends': [
      `${ESC}?25l⠋ Capturing${ESC}2K${ESC}1G⠙ Capturing 1/2${ESC}2K${ESC}1G✓ Done\r\n${ESC}?25h`,
      ['✓ Done'],
    ],
    'a line that is written over': ['12345\rab', ['ab345']],
    'a line that is cut': [`12345\r12${ESC}K`, ['12']],
    'a step back over two lines': [`a\r\nb\r\n${ESC}1A${ESC}2Kc\r\n`, ['a', 'c']],
    'a title, which is no text': ['\u001b]0;title\u0007a', ['a']],
  };
  for (const [what, [output, lines]] of Object.entries(cases)) test(what, () => assert.deepEqual(text(output), lines));
});

test('colours are kept', () => {
  const [line] = screenOf(`${ESC}32m✓${ESC}39m done ${ESC}1;31mno${ESC}0m`);
  assert.deepEqual(line, [
    { text: '✓', colour: '#8ddb8c' },
    { text: ' done ', colour: '#adbac7' },
    { text: 'no', colour: '#f47067' },
  ]);
});

test('the picture is SVG that shows the text and nothing else', () => {
  const svg = terminalPicture('<script>&"</script>\r\n', 'a "label"');
  assert.match(svg, /aria-label="a &quot;label&quot;"/);
  assert.match(svg, /<tspan fill="#adbac7">&lt;script&gt;&amp;&quot;&lt;\/script&gt;<\/tspan>/);
  assert.doesNotMatch(svg, /<script/);
});
