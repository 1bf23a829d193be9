//! What is made of a text: guarded, or said of a list of parameters where it was written for one set of them.
//!
//! The lists go there as arrays, one for each parameter, and what comes back says for whom it is.

use std::fmt::Write as _;

use tokio_postgres::types::Type;

use crate::value::Value;

/// A read, for each set of parameters: its place in the list, counted from one, stands before the columns. `OFFSET 0` keeps
/// the planner from turning single look-ups into a walk through the table.
pub(super) fn read(sql: &str, types: &[Type]) -> Option<String> {
    let (list, sql) = (list(types)?, listed(sql));
    Some(format!(
        "SELECT list.place, found.* FROM {list}, LATERAL ({sql} OFFSET 0) AS found"
    ))
}

/// An `UPDATE … SET … WHERE …`, for each set of parameters: returns the place, counted from one, once for each row that it
/// touched.
pub(super) fn update(sql: &str, types: &[Type]) -> Option<String> {
    if !sql.starts_with("UPDATE ") {
        return None;
    }
    let (set, condition) = sql.split_once(" WHERE ")?;
    let (list, set, condition) = (list(types)?, listed(set), listed(condition));
    Some(format!(
        "{set} FROM {list} WHERE {condition} RETURNING list.place"
    ))
}

/// A write that counts the rows it touched, and that fails whole where they are more than they must be:
/// fewer can be told afterwards, for what did not happen need not be undone.
pub(super) fn guarded(sql: &str, due: usize) -> String {
    format!(
        "WITH changed AS ({sql} RETURNING 1) \
         SELECT count(*) / CASE WHEN count(*) > {due} THEN 0 ELSE 1 END FROM changed"
    )
}

/// The values of each parameter, beside each other.
pub(super) fn lists<'a>(each: impl Iterator<Item = &'a [Value]>) -> Vec<Vec<&'a Value>> {
    let mut lists: Vec<Vec<&Value>> = Vec::new();
    for values in each {
        lists.resize_with(values.len().max(lists.len()), Vec::new);
        for (list, value) in lists.iter_mut().zip(values) {
            list.push(value);
        }
    }
    lists
}

/// The list as rows; nothing where there are no parameters, or one of a type that we do not write.
fn list(types: &[Type]) -> Option<String> {
    let (mut arrays, mut names) = (String::new(), String::new());
    for (number, ty) in (1..).zip(types) {
        let name = match *ty {
            Type::INT8 => "BIGINT",
            Type::TEXT => "TEXT",
            Type::BYTEA => "BYTEA",
            _ => return None,
        };
        // A plan for a list of unknown length is as good as one for this length: the server keeps it, where it would
        // make one each time.
        let _ = match number {
            1 => write!(arrays, "(SELECT ${number}::{name}[])"),
            _ => write!(arrays, ", ${number}::{name}[]"),
        };
        let _ = write!(names, "parameter{number}, ");
    }
    let is_empty = types.is_empty();
    (!is_empty).then(|| format!("unnest({arrays}) WITH ORDINALITY AS list({names}place)"))
}

/// The text with the list's columns for its parameters.
fn listed(sql: &str) -> String {
    sql.replace('$', "list.parameter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_said_of_each() {
        let sql = "SELECT a FROM t WHERE b = $1 AND c > $2 LIMIT 1";
        assert_eq!(
            read(sql, &[Type::BYTEA, Type::INT8]).as_deref(),
            Some(
                "SELECT list.place, found.* FROM unnest((SELECT $1::BYTEA[]), $2::BIGINT[]) WITH ORDINALITY \
                 AS list(parameter1, parameter2, place), LATERAL (SELECT a FROM t \
                 WHERE b = list.parameter1 AND c > list.parameter2 LIMIT 1 OFFSET 0) AS found"
            )
        );
        assert_eq!(read("SELECT a FROM t", &[]), None, "nothing to list");
        assert_eq!(read(sql, &[Type::BYTEA, Type::JSON]), None);
    }

    #[test]
    fn an_update_is_said_of_each() {
        let sql = "UPDATE t SET a = $2 WHERE b = $1 AND $3 = (SELECT d FROM u WHERE u.b = t.b)";
        assert_eq!(
            update(sql, &[Type::BYTEA, Type::TEXT, Type::INT8]).as_deref(),
            Some(
                "UPDATE t SET a = list.parameter2 \
                 FROM unnest((SELECT $1::BYTEA[]), $2::TEXT[], $3::BIGINT[]) WITH ORDINALITY \
                 AS list(parameter1, parameter2, parameter3, place) \
                 WHERE b = list.parameter1 AND list.parameter3 = (SELECT d FROM u WHERE u.b = t.b) \
                 RETURNING list.place"
            )
        );
        assert_eq!(update("INSERT INTO t VALUES ($1)", &[Type::TEXT]), None);
    }
}
