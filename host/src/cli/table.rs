//! Tables for people: a line of headings, no borders.

use super::text::clean;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};

/// A table that is being filled.
#[derive(Debug)]
pub(super) struct Table(comfy_table::Table);

impl Table {
    /// A heading that starts with `>` stands over numbers, which are aligned right;
    /// one with `~` over texts that may be broken where the terminal is narrow. All
    /// else is what one copies or compares, and stays in one piece.
    pub(super) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(headings.map(|heading| heading.trim_start_matches(['>', '~'])));
        for (column, heading) in table.column_iter_mut().zip(headings) {
            column.set_padding((0, 2));
            if heading.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if !heading.starts_with('~') {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        Self(table)
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| clean(&cell)));
    }

    /// Breaks what may be broken where the table is wider than `width`.
    pub(super) fn render(mut self, width: Option<u16>) -> String {
        match width {
            Some(width) => {
                self.0.set_content_arrangement(ContentArrangement::Dynamic);
                self.0.set_width(width);
            }
            None => {
                self.0.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        self.0.trim_fmt()
    }
}

/// `key: value` lines, the values below each other.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines = pairs.iter().map(|(key, value)| format!("{key:width$}  {}", clean(value)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_hostile_text_stays_text() {
        let mut table = Table::new(["NAME", ">COUNT", "NOTE"]);
        table.row(["a".into(), "7".into(), "plain".into()]);
        table.row(["longer".into(), "1,234".into(), "\u{1b}[31mred\r\nnext".into()]);
        insta::assert_snapshot!(table.render(None), @"
        NAME    COUNT  NOTE
        a           7  plain
        longer  1,234  �[31mred��next
        ");
    }

    #[test]
    fn a_narrow_terminal_breaks_cells() {
        let mut table = Table::new(["NAME", "~NOTE"]);
        table.row(["a".into(), "one two three four five six seven".into()]);
        insta::assert_snapshot!(table.render(Some(24)), @"
        NAME  NOTE
        a     one two three
              four five six
              seven
        ");
    }

    #[test]
    fn values_stand_below_each_other() {
        let text = pairs(&[("id", "1".into()), ("channel", "zen".into())]);
        assert_eq!(text, "id       1\nchannel  zen");
    }
}
