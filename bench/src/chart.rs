//! The picture: bars beside each other, drawn from the figures of the same run.

use std::fmt::Write as _;

use crate::contender::Contender;
use crate::report::{amount, title};
use crate::tasks::{Row, Task};

const PANELS: [Task; 4] = [Task::Get(10), Task::Miss, Task::List(100), Task::ClassicBuild];
const NAMES: u32 = 170;
const BARS: u32 = 430;
const AMOUNTS: u32 = 80;
const LINE: u32 = 22;
const MARGIN: u32 = 16;

/// An SVG that suits a light and a dark page.
pub(crate) fn svg(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    for row in PANELS
        .iter()
        .filter_map(|task| rows.iter().find(|row| row.task == *task))
    {
        let longest = row.values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let heading = title(row.task).replace('`', "");
        y += LINE;
        let _ = writeln!(
            body,
            r#"<text x="{MARGIN}" y="{}" class="heading">{heading}</text>"#,
            y - 6
        );
        for (contender, value) in &row.values {
            bar(
                &mut body,
                y,
                *contender,
                &amount(row.task, *value),
                value / longest,
            );
            y += LINE;
        }
        y += LINE / 2;
    }
    let width = 2 * MARGIN + NAMES + BARS + AMOUNTS;
    let height = y + MARGIN;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">
<title>How long docker waits for a credential helper</title>
<style>
text {{ font: 13px system-ui, sans-serif; fill: #24292f }}
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
