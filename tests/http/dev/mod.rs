//! The device flow (DEV): who may start, what polls are told, who decides, what people see.

mod start;
mod poll;
mod race;
mod decide;
mod guess;
mod page;
