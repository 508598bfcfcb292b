//! The chart: groups of bars, drawn from the table's own cells.

use std::fmt::Write as _;

use crate::contender::Contender;
use crate::report::{seconds, title};
use crate::tasks::Task;

const PANELS: [Task; 4] = [
    Task::Get(10),
    Task::Miss(100),
    Task::List(100),
    Task::ClassicBuild,
];
const NAMES: u32 = 170;
const BARS: u32 = 430;
const AMOUNTS: u32 = 80;
const LINE: u32 = 22;
const MARGIN: u32 = 16;
const TITLE: &str = "How long docker waits for a credential helper";

/// An SVG for light and dark pages.
pub(crate) fn svg(cells: &[Vec<String>]) -> String {
    let mut body = format!(
        "<text x=\"{MARGIN}\" y=\"{}\" class=\"title\">{TITLE}</text>\n\
         <text x=\"{MARGIN}\" y=\"{}\">Shorter is better. Each group has a scale of its own.</text>\n",
        MARGIN + 12,
        MARGIN + 12 + LINE
    );
    let mut y = MARGIN + 2 * LINE;
    for task in PANELS {
        let Some(row) = cells.iter().find(|row| row[0] == title(task)) else {
            continue;
        };
        panel(&mut body, &mut y, &cells[0], row);
    }
    let width = 2 * MARGIN + NAMES + BARS + AMOUNTS;
    let height = y + MARGIN;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">
<title>{TITLE}</title>
<style>
text {{ font: 13px system-ui, sans-serif; fill: #24292f }}
.title {{ font-size: 15px; font-weight: 600 }}
.heading {{ font-weight: 600 }}
.name {{ text-anchor: end }}
.ours {{ fill: #2f7d5b }}
.theirs {{ fill: #a3a9b1 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .ours {{ fill: #4cb98a }} .theirs {{ fill: #6e7681 }} }}
</style>
{body}</svg>
"#
    )
}

fn panel(body: &mut String, y: &mut u32, head: &[String], row: &[String]) {
    let bars: Vec<(Contender, &String, f64)> = Contender::ALL
        .into_iter()
        .filter_map(|contender| {
            let column = head.iter().position(|name| name == contender.name())?;
            Some((contender, &row[column], seconds(&row[column])?))
        })
        .collect();
    let longest = bars.iter().map(|(_, _, time)| *time).fold(0.0, f64::max);
    *y += LINE + LINE / 2;
    let _ = writeln!(
        body,
        r#"<text x="{MARGIN}" y="{}" class="heading">{}</text>"#,
        *y - 6,
        row[0].replace('`', "")
    );
    for (contender, amount, time) in bars {
        bar(body, *y, contender, amount, time / longest);
        *y += LINE;
    }
}

fn bar(body: &mut String, y: u32, contender: Contender, amount: &str, share: f64) {
    let class = if contender.is_ours() { "ours" } else { "theirs" };
    let left = MARGIN + NAMES;
    // Visible, however short.
    let length = (share * f64::from(BARS)).max(2.0);
    let text_y = y + 15;
    let _ = writeln!(
        body,
        r#"<text x="{}" y="{text_y}" class="name">{}</text>"#,
        left - 8,
        contender.name()
    );
    let _ = writeln!(
        body,
        r#"<rect x="{left}" y="{}" width="{length:.1}" height="14" class="{class}"/>"#,
        y + 3
    );
    let _ = writeln!(
        body,
        r#"<text x="{:.1}" y="{text_y}">{amount}</text>"#,
        f64::from(left) + length + 6.0
    );
}
