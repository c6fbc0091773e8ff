"""How the page looks: light and dark, wide and narrow, on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --ink: #1c2733; --soft: #5b6875; --paper: #ffffff; --panel: #f4f6f8; --line: #d5dce3; --accent: #1f4e8c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --soft: #9dabb8; --paper: #14191f; --panel: #1d242c; --line: #36414d; --accent: #8db8ee; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.8rem 0 .3rem; }
p { margin: .4rem 0; max-width: 46rem; }
.soft, caption, figcaption { color: var(--soft); }
nav a { color: var(--accent); margin-right: 1rem; white-space: nowrap; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0;
  padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; }
dl.words dt { font-weight: 600; }
dl.words dd { margin: 0 0 .5rem 1rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; padding-bottom: .3rem; caption-side: top; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th { vertical-align: bottom; white-space: pre; background: var(--panel); }
th:first-child, .text { text-align: left; }
tbody th { font-weight: 500; }
figure { margin: .8rem 0 0; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .3rem; padding: .4rem; }
figcaption { margin-top: .4rem; max-width: 46rem; }
details summary { cursor: pointer; color: var(--accent); }
@media (max-width: 40rem) {
  h1 { font-size: 1.3rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .4rem; }
  figure .scroll img { max-width: none; width: 44rem; }
}
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --panel: #fff; --line: #bbb; --accent: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, summary { display: none; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  figure img { max-height: 22cm; border: 0; }
  .scroll { overflow: visible; }
  table { font-size: 6.5pt; }
  th, td { padding: .1rem .3rem; white-space: normal; }
  details::details-content { content-visibility: visible; display: block; }
}
"""
