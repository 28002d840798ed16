//! Macros: `has`, and the loops over lists and maps.

use crate::ast::{Access, Expr, Kind, Loop, LoopKind};
use crate::parse::Parsed;
use crate::program::CompileError;

/// A call without a receiver: `has(a.b)`, or a function.
pub(crate) fn global_call(name: String, mut arguments: Vec<Expr>, offset: u32) -> Parsed {
    if name == "has" && arguments.len() == 1 {
        let argument = arguments.remove(0);
        let Kind::Select {
            operand,
            field,
            access: Access::Plain,
        } = argument.kind
        else {
            let message = "has() takes a field: has(object.field)".to_owned();
            return Err(CompileError { message, offset });
        };
        let access = Access::Test;
        return Expr::new(Kind::Select { operand, field, access }, offset);
    }
    function_call(name, None, arguments, offset)
}

/// A call on a receiver: a macro, or a function.
pub(crate) fn receiver_call(name: String, target: Expr, arguments: Vec<Expr>, offset: u32) -> Parsed {
    let kind = match (&*name, arguments.len()) {
        ("all", 2 | 3) => Some(LoopKind::All),
        ("exists", 2 | 3) => Some(LoopKind::Exists),
        ("exists_one", 2) | ("existsOne", 2 | 3) => Some(LoopKind::ExistsOne),
        ("filter", 2) => Some(LoopKind::Filter),
        ("map", 2 | 3) | ("transformList", 3 | 4) => Some(LoopKind::Map),
        ("transformMap", 3 | 4) => Some(LoopKind::TransformMap),
        ("transformMapEntry", 3 | 4) => Some(LoopKind::TransformMapEntry),
        ("sortBy", 2) => Some(LoopKind::SortBy),
        _ => None,
    };
    if let Some(kind) = kind {
        return expand(kind, &name, target, arguments, offset);
    }
    if matches!(&*name, "optMap" | "optFlatMap") && arguments.len() == 2 {
        let mut arguments = arguments.into_iter();
        let (Some(variable), Some(body)) = (arguments.next(), arguments.next()) else {
            unreachable!("there are two arguments");
        };
        let kind = Kind::OptMap {
            operand: Box::new(target),
            variable: variable_name(&variable)?,
            body: Box::new(body),
            is_flat: name == "optFlatMap",
        };
        return Expr::new(kind, offset);
    }
    function_call(name, Some(Box::new(target)), arguments, offset)
}

fn function_call(name: String, target: Option<Box<Expr>>, arguments: Vec<Expr>, offset: u32) -> Parsed {
    Expr::new(
        Kind::Call {
            name,
            target,
            arguments,
        },
        offset,
    )
}

fn expand(kind: LoopKind, name: &str, range: Expr, arguments: Vec<Expr>, offset: u32) -> Parsed {
    let has_two = match name {
        "map" | "filter" | "exists_one" | "sortBy" => false,
        "all" | "exists" | "existsOne" => arguments.len() == 3,
        _ => true,
    };
    let has_filter = match name {
        "map" => arguments.len() == 3,
        "transformList" | "transformMap" | "transformMapEntry" => arguments.len() == 4,
        _ => false,
    };
    let mut arguments = arguments.into_iter();
    let mut next = || {
        arguments.next().ok_or(CompileError {
            message: format!("{name}() lacks an argument"),
            offset,
        })
    };
    let first = variable_name(&next()?)?;
    let second = if has_two { Some(variable_name(&next()?)?) } else { None };
    if second.as_ref() == Some(&first) {
        let message = format!("the variables of {name}() have the same name");
        return Err(CompileError { message, offset });
    }
    let filter = if has_filter { Some(next()?) } else { None };
    let parts = Loop {
        kind,
        range,
        first,
        second,
        filter,
        body: next()?,
    };
    Expr::new(Kind::Loop(Box::new(parts)), offset)
}

fn variable_name(expr: &Expr) -> Parsed<String> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err(CompileError {
            message: "the variable of a macro must be a simple name".to_owned(),
            offset: expr.offset,
        }),
    }
}
