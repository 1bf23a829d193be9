//! Pictures: the ratios, a bar for each operation that has a goal, with marks where it must and should end; and how
//! cost grows, a line for each operation.

use std::fmt::Write as _;

use crate::{row::ALL, table::Rounds};

// Pixels.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 60.0;
const LINE: f64 = 34.0;
const BAR: f64 = 14.0;
const TOP: f64 = 34.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.bar{fill:#57708f}.must{stroke:#b42318}\
    .aim{stroke:#1a7f37}.range{stroke:#24292f}.axis{stroke:#8c959f}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#7f9cc0}.must{stroke:#ff7b72}\
    .aim{stroke:#56d364}.range{stroke:#e6edf3}.axis{stroke:#6e7681}}";

/// An SVG of all rows that have a goal and were measured.
pub(crate) fn ratios(seen: &Rounds) -> String {
    let rows: Vec<_> = ALL
        .iter()
        .filter_map(|row| {
            let goal = row.goal()?;
            let ratio = seen.ratio(*row, goal.ceiling, |sample| sample.cpu)?;
            Some((*row, goal, ratio))
        })
        .collect();
    let longest = rows
        .iter()
        .map(|(_, goal, ratio)| goal.must.max(ratio.most))
        .fold(1.0, f64::max);
    let place = |value: f64| LEFT + value / longest * (WIDTH - LEFT - RIGHT);
    let height = rows.iter().fold(TOP, |height, _| height + LINE) + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Processor time of each operation, in times its ceiling\"><style>{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"18\">processor time, in times the ceiling; green: aim, red: must be</text>\n"
    );
    let mut top = TOP;
    for (row, goal, ratio) in &rows {
        let middle = top + BAR / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAR}\"/>\
             <line class=\"range\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{:.2}</text>",
            LEFT - 8.0,
            middle + 5.0,
            row.name(),
            place(ratio.median) - LEFT,
            place(ratio.least),
            place(ratio.most),
            place(ratio.most) + 6.0,
            middle + 5.0,
            ratio.median,
        );
        for (class, value) in [("aim", goal.aim), ("must", goal.must)] {
            let (x, from, to) = (place(value), top - 4.0, top + BAR + 4.0);
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" stroke-width=\"2\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from}\" y2=\"{to}\"/>"
            );
        }
        top += LINE;
    }
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{LEFT}\" y1=\"{TOP}\" y2=\"{:.0}\"/></svg>",
        height - 10.0
    );
    svg
}

// Of the picture of growth.
const HEIGHT: f64 = 320.0;
const BOTTOM: f64 = 280.0;
const NAMES: f64 = 400.0;
const MARGIN: f64 = 60.0;

/// An SVG with a line for each name: what it costs at each number of sessions, which lie a power of ten apart.
pub(crate) fn growth(lines: &[(String, Vec<(usize, f64)>)]) -> String {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let highest = all().map(|(_, cost)| *cost).fold(1.0, f64::max) * 1.1;
    let digits = |size: usize| f64::from(size.max(1).ilog10());
    let (least, most) = all().fold((f64::MAX, 0.0_f64), |(least, most), (size, _)| {
        (least.min(digits(*size)), most.max(digits(*size)))
    });
    let across = |size: usize| {
        let part = (digits(size) - least) / (most - least).max(1.0);
        MARGIN + 12.0 + part * (NAMES - 32.0 - MARGIN)
    };
    let up = |cost: f64| BOTTOM - cost / highest * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Processor time of each operation by the sessions in the store\"><style>{STYLE}\
         .line{{fill:none;stroke:#57708f;stroke-width:2}}.dot{{fill:#57708f}}\
         @media(prefers-color-scheme:dark){{.line{{stroke:#7f9cc0}}.dot{{fill:#7f9cc0}}}}</style>\n\
         <text x=\"{MARGIN}\" y=\"18\">µs of processor time for each operation, by sessions in the store</text>\n\
         <line class=\"axis\" x1=\"{MARGIN}\" x2=\"{NAMES}\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\"/>\n\
         <line class=\"axis\" x1=\"{MARGIN}\" x2=\"{MARGIN}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>\n"
    );
    for (size, _) in lines.first().iter().flat_map(|(_, points)| points) {
        let x = across(*size);
        let y = BOTTOM + 20.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{y}\" text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"10\">{}</tspan></text>",
            digits(*size)
        );
    }
    for cost in (0..).map(|step| f64::from(step) * 100.0) {
        let (x, y) = (MARGIN - 6.0, up(cost));
        if y < TOP {
            break;
        }
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{x}\" x2=\"{MARGIN}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{cost:.0}</text>",
            x - 4.0,
            y + 4.0
        );
    }
    // Names that would lie on each other move apart, from the top down.
    let mut ends: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((up(line.1.last()?.1), line)))
        .collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut above = f64::MIN;
    for (end, (name, points)) in ends {
        let path: Vec<String> = points
            .iter()
            .map(|(size, cost)| format!("{:.0},{:.1}", across(*size), up(*cost)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"line\" points=\"{}\"/>",
            path.join(" ")
        );
        for (size, cost) in points {
            let (x, y) = (across(*size), up(*cost));
            let _ = writeln!(
                svg,
                "<circle class=\"dot\" cx=\"{x:.0}\" cy=\"{y:.1}\" r=\"3\"/>"
            );
        }
        above = (end + 4.0).max(above + 16.0);
        let costs: Vec<String> = points
            .iter()
            .map(|(_, cost)| format!("{cost:.0}"))
            .collect();
        let costs = costs.join(" · ");
        let _ = writeln!(
            svg,
            "<text x=\"{NAMES}\" y=\"{above:.1}\">{name}: {costs}</text>"
        );
    }
    svg + "</svg>\n"
}
