//! Reads tables from Markdown documents.

/// Returns the rows of the first table whose header is `header`, without the header, cells trimmed.
pub(super) fn table(text: &str, header: &[&str]) -> Vec<Vec<String>> {
    let mut lines = text.lines();
    assert!(
        lines.any(|line| cells(line).is_some_and(|found| found == header)),
        "there is no table with the columns {header:?}"
    );
    let rows: Vec<Vec<String>> = lines.skip(1).map_while(cells).collect();
    for row in &rows {
        assert_eq!(row.len(), header.len(), "a row of the table {header:?} has other columns: {row:?}");
    }
    rows
}

/// Returns the cells of one table line; none if it is not a table line.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(|cell| cell.trim().to_owned()).collect())
}

/// Returns `cell` without the backquotes around it.
pub(super) fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// Returns the comma-separated names in `cell`, without backquotes, sorted; a dash or nothing means none.
pub(super) fn names(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = cell
        .split(',')
        .map(|name| unquoted(name.trim()).to_owned())
        .filter(|name| !name.is_empty() && name != "–" && name != "-")
        .collect();
    names.sort();
    names
}

#[test]
fn reads_the_table_with_the_right_header() {
    let text =
        "| a |\n|---|\n| 0 |\n\ntext\n\n| name | uses |\n|---|---|\n| `x` | `y`, z |\n| w | – |\n\nmore";
    let rows = table(text, &["name", "uses"]);
    assert_eq!(rows.len(), 2);
    assert_eq!((unquoted(&rows[0][0]), names(&rows[0][1])), ("x", vec!["y".to_owned(), "z".to_owned()]));
    assert!(names(&rows[1][1]).is_empty());
}
