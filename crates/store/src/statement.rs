//! Queries and plans: SQL written once, in the words both databases share.
//!
//! Parameters are `$1`, `$2`, …; times are INTEGER seconds, never SQL's own clock; ids are bytes.

use crate::value::Value;

/// A read.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text; known at compile time, so that no input can become SQL.
    pub sql: &'static str,
    /// Its parameters, `$1` first.
    pub parameters: Vec<Value>,
}

impl Query {
    /// A read without parameters yet.
    pub const fn new(sql: &'static str) -> Self {
        Self {
            sql,
            parameters: Vec::new(),
        }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }
}

/// A write that says how many rows it must touch.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The text.
    pub sql: &'static str,
    /// Its parameters, `$1` first.
    pub parameters: Vec<Value>,
    /// The guard.
    pub must_change: Rows,
    /// Whether a plan with it is applied on a full disk too: it ends something or makes room (F05).
    pub even_when_full: bool,
}

/// How many rows a statement must touch for its plan to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Any number, none included.
    Any,
    /// Exactly this many.
    Exactly(usize),
}

impl Statement {
    /// A write that must touch exactly one row.
    pub const fn one(sql: &'static str) -> Self {
        Self {
            sql,
            parameters: Vec::new(),
            must_change: Rows::Exactly(1),
            even_when_full: false,
        }
    }

    /// A write that may touch any number of rows.
    pub const fn any(sql: &'static str) -> Self {
        Self {
            sql,
            parameters: Vec::new(),
            must_change: Rows::Any,
            even_when_full: false,
        }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// The write, applied on a full disk too.
    #[must_use]
    pub const fn even_when_full(mut self) -> Self {
        self.even_when_full = true;
        self
    }
}

/// Statements that are applied in order, whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Plan(pub Vec<Statement>);

impl Plan {
    /// A plan of one statement.
    pub fn of(statement: Statement) -> Self {
        Self(vec![statement])
    }

    /// The plan followed by the steps of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether the plan may use the last room on the disk.
    pub fn applies_when_full(&self) -> bool {
        self.0.iter().any(|statement| statement.even_when_full)
    }

    /// The plan with `statement` as its next step.
    #[must_use]
    pub fn then(mut self, statement: Statement) -> Self {
        self.0.push(statement);
        self
    }
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Every guard held; the changes are durable.
    Whole {
        /// How many rows the last statement touched.
        changed: usize,
    },
    /// The statement at this position touched another number of rows than it must; nothing of
    /// the plan was kept.
    Unmet {
        /// Position in the plan, from 0.
        statement: usize,
    },
}

impl Applied {
    /// Whether the plan was applied.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole { .. })
    }
}
