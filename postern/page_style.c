/* SPDX-License-Identifier: ISC */
/* How the page looks, by day, by night and on paper: see page.h. */
#include "postern/page.h"

static const char *const rules[] = {
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#59636e;",
	"--line:#c9d1d9;--panel:#f5f7f9;--ext:#fbe3dd;--ext-line:#b5381c;",
	"--int:#dcefe3;--int-line:#1d7044;--mid:#e4eaf5;--mid-line:#31539b;",
	"--good:#1d7044;--bad:#b5381c}",
	"@media (prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e4e8ec;",
	"--dim:#9aa5b1;--line:#3a424c;--panel:#1c2229;--ext:#41221b;",
	"--ext-line:#f0907a;--int:#173626;--int-line:#6fc796;--mid:#1f2b45;",
	"--mid-line:#90b0f0;--good:#6fc796;--bad:#f0907a}}",
	"body{margin:0 auto;max-width:76rem;padding:1.5rem;",
	"background:var(--bg);color:var(--fg);",
	"font:15px/1.5 system-ui,sans-serif}",
	"h1{font-size:1.7rem;margin:0}",
	"h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.6rem;",
	"border-top:2px solid var(--line)}",
	"h2 small{font-weight:400;color:var(--dim)}",
	"h3{font-size:.95rem;margin:1rem 0 .3rem}",
	"p{margin:.4rem 0}.dim{color:var(--dim)}",
	".good,.bad{font-weight:600}.good{color:var(--good)}",
	".bad{color:var(--bad)}",
	"a{color:inherit}",
	"code,pre,td:first-child{font:.85rem/1.45 ui-monospace,monospace}",
	"pre{margin:0;padding:.7rem;font-size:.76rem;background:var(--panel);",
	"white-space:pre-wrap;border-left:3px solid var(--line)}",
	"table{border-collapse:collapse;width:100%;font-size:.88rem}",
	"th{text-align:left;color:var(--dim);font-weight:600}",
	"th,td{padding:.2rem .7rem .2rem 0;",
	"border-bottom:1px solid var(--line);vertical-align:top}",
	"th:first-child{width:11rem}",
	"th:nth-child(2){width:42%}",
	".cols{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);",
	"gap:1.2rem}",
	"dl{display:grid;grid-template-columns:max-content 1fr;",
	"gap:.15rem .9rem;margin:0;font-size:.9rem;",
	"align-content:start}dt{color:var(--dim)}dd{margin:0}",
	"svg{width:100%;height:auto;margin-top:1rem}",
	"svg text{fill:var(--fg);font:15px system-ui,sans-serif;",
	"text-anchor:middle}",
	"svg .title{font-size:14px;fill:var(--dim)}",
	".ext rect,.ext-zone{stroke:var(--ext-line)}",
	".int rect,.int-zone{stroke:var(--int-line)}",
	".mid rect,.mid-zone{stroke:var(--mid-line)}",
	".ext-zone{fill:var(--ext)}.int-zone{fill:var(--int)}",
	".mid-zone{fill:var(--mid)}",
	".zone{stroke-dasharray:5 5;stroke-width:1}",
	"svg g rect{fill:var(--bg);stroke-width:2}",
	".wire{fill:none;stroke:var(--fg);stroke-width:1.2;opacity:.75}",
	".hands{stroke-width:2.4;opacity:1}",
	".head{fill:var(--fg)}",
	"@media (max-width:50rem){.cols{grid-template-columns:1fr}}",
	"@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--dim:#444;",
	"--line:#bbb;--panel:#fff;--ext:#fbe3dd;--ext-line:#b5381c;",
	"--int:#dcefe3;--int-line:#1d7044;--mid:#e4eaf5;--mid-line:#31539b;",
	"--good:#1d7044;--bad:#b5381c}",
	"body{max-width:none;padding:0;font-size:10pt}",
	"svg{max-height:16cm}",
	"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}",
	"h2,h3{break-after:avoid}tr,.cols,svg{break-inside:avoid}}",
};

void
page_style(FILE *fp)
{
	size_t i;

	(void)fputs("<style>\n", fp);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		(void)fprintf(fp, "%s\n", rules[i]);
	(void)fputs("</style>\n", fp);
}
