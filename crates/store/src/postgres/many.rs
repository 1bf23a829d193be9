//! What is made of a text: guarded, or said of a list of parameters where it was written for one set of them.
//!
//! The lists go there as arrays, one for each parameter, and what comes back says for whom it is.

use std::fmt::Write as _;

use tokio_postgres::types::Type;

use crate::{statement::Query, value::Value};

/// Whether a read may be said of a list: not without parameters, nor for rows in an order, which a list does not promise.
pub(super) fn may_read(query: &Query) -> bool {
    !query.parameters.is_empty() && !query.sql.contains(" ORDER BY ")
}

/// A read, for each set of parameters: its place in the list, counted from one, stands before the columns. `OFFSET 0`
/// keeps the planner from turning single look-ups into a walk through the table.
pub(super) fn read(sql: &str, types: &[Type]) -> Option<String> {
    let (list, sql) = (list(types)?, listed(sql));
    Some(format!(
        "SELECT list.place, found.* FROM {list}, LATERAL ({sql} OFFSET 0) AS found"
    ))
}

/// An `UPDATE … SET … WHERE key = $1 AND …`, for each set of parameters, whose keys must differ: returns the place,
/// counted from one, of each that touched its row. Touching more than one row fails, for all.
pub(super) fn update(sql: &str, types: &[Type]) -> Option<String> {
    let (set, condition) = sql.strip_prefix("UPDATE ")?.split_once(" WHERE ")?;
    let (key, rest) = condition.split_once(" = $1")?;
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    if !is_name(key) || !(rest.is_empty() || rest.starts_with(" AND ")) || rest.contains(" OR ") {
        return None;
    }
    let (list, set, condition) = (list(types)?, listed(set), listed(condition));
    Some(format!(
        "WITH changed AS (UPDATE {set} FROM {list} WHERE {condition} RETURNING list.place) \
         SELECT place, 1 / CASE WHEN count(*) > 1 THEN 0 ELSE 1 END FROM changed GROUP BY place"
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

/// The values of each of so many parameters, beside each other; nothing where somebody has another number of them.
pub(super) fn lists<'a>(
    each: impl Iterator<Item = &'a [Value]>,
    parameters: usize,
) -> Option<Vec<Vec<&'a Value>>> {
    let mut lists = vec![Vec::new(); parameters];
    for values in each {
        if values.len() != parameters {
            return None;
        }
        for (list, value) in lists.iter_mut().zip(values) {
            list.push(value);
        }
    }
    Some(lists)
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
                "WITH changed AS (UPDATE t SET a = list.parameter2 \
                 FROM unnest((SELECT $1::BYTEA[]), $2::TEXT[], $3::BIGINT[]) WITH ORDINALITY \
                 AS list(parameter1, parameter2, parameter3, place) \
                 WHERE b = list.parameter1 AND list.parameter3 = (SELECT d FROM u WHERE u.b = t.b) \
                 RETURNING list.place) \
                 SELECT place, 1 / CASE WHEN count(*) > 1 THEN 0 ELSE 1 END FROM changed GROUP BY place"
            )
        );
    }

    #[test]
    fn what_would_mean_something_else_of_a_list_is_not_said_of_one() {
        let types = [Type::TEXT, Type::TEXT];
        for sql in [
            "INSERT INTO t VALUES ($1, $2)",
            "UPDATE t SET a = $1 WHERE b = $2",
            "UPDATE t SET a = $2 WHERE b LIKE $1",
            "UPDATE t SET a = $2 WHERE b = $1 OR c = $2",
            "UPDATE t SET a = (SELECT d FROM u WHERE u.b = $1) WHERE b = $2",
            "UPDATE t SET a = $2",
        ] {
            assert_eq!(update(sql, &types), None, "{sql}");
        }
        let one = |sql| Query::new(sql).bind(1_i64);
        assert!(may_read(&one("SELECT a FROM t WHERE b = $1")));
        assert!(!may_read(&one("SELECT a FROM t WHERE b = $1 ORDER BY a")));
        assert!(!may_read(&Query::new("SELECT a FROM t")));
    }

    #[test]
    fn lists_hold_the_parameters_of_each_in_their_places() {
        let [one, two] = [
            [Value::Integer(1), Value::Null],
            [Value::Integer(2), Value::Null],
        ];
        let both = || [one.as_slice(), two.as_slice()].into_iter();
        let lists = lists(both(), 2).expect("two each");
        assert_eq!(lists, [[&one[0], &two[0]], [&Value::Null, &Value::Null]]);
        assert_eq!(super::lists(both(), 3), None);
    }
}
