//! The loss of the machine, again and again: `claviger serve` under load is killed with SIGKILL at
//! random moments and started again. What it had acknowledged holds, and nothing happens twice
//! (RELIABILITY §5, F02).

mod chance;
mod caller;
mod history;
mod virtual_user;
mod checker;
mod run;
mod points;
mod nodes;
