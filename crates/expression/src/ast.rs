//! The tree of an expression.

use crate::function::Function;
use crate::program::CompileError;
use crate::value::Value;

/// How deep a tree may be: what is deeper is refused, so that nothing here needs a deep stack.
const MAX_DEPTH: u16 = 300;

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: Kind,
    /// Where it begins in the text, in bytes.
    pub(crate) offset: u32,
    depth: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value),
    Ident(String),
    Select {
        operand: Box<Expr>,
        field: String,
        access: Access,
    },
    Index {
        operand: Box<Expr>,
        index: Box<Expr>,
        is_optional: bool,
    },
    /// A call that is not resolved yet.
    Call {
        name: String,
        target: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
    /// A call of a known function; the receiver is the first argument.
    Apply {
        function: Function,
        arguments: Vec<Expr>,
    },
    List(Vec<(Expr, bool)>),
    Map(Vec<(Expr, Expr, bool)>),
    /// A message: its type and fields.
    Struct(String, Vec<(String, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<(Expr, Expr)>),
    Condition(Box<(Expr, Expr, Expr)>),
    Loop(Box<Loop>),
    /// `optMap` and `optFlatMap`: the optional, the variable, the body.
    OptMap {
        operand: Box<Expr>,
        variable: String,
        body: Box<Expr>,
        is_flat: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Plain,
    /// `has(a.b)`
    Test,
    /// `a.?b`
    Optional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// A macro over the elements of a list or the entries of a map.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: Expr,
    /// The element or key; with a second one, the index or key.
    pub(crate) first: String,
    pub(crate) second: Option<String>,
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    TransformMap,
    TransformMapEntry,
    SortBy,
}

impl Expr {
    /// A node over its children.
    ///
    /// # Errors
    /// [`CompileError`] where the tree would be too deep.
    pub(crate) fn new(kind: Kind, offset: u32) -> Result<Expr, CompileError> {
        let depth = 1 + kind.children().map(|child| child.depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(CompileError {
                message: format!("the expression is nested more than {MAX_DEPTH} deep"),
                offset,
            });
        }
        Ok(Expr { kind, offset, depth })
    }

    /// Calls `see` with this node and every one below it.
    pub(crate) fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        for child in self.kind.children() {
            child.visit(see);
        }
    }
}

impl Kind {
    fn children(&self) -> Box<dyn Iterator<Item = &Expr> + '_> {
        match self {
            Kind::Literal(_) | Kind::Ident(_) => Box::new(std::iter::empty()),
            Kind::Select { operand, .. } => Box::new(std::iter::once(&**operand)),
            Kind::Not(operand) | Kind::Negate(operand) => Box::new(std::iter::once(&**operand)),
            Kind::Index { operand, index, .. } => Box::new([&**operand, &**index].into_iter()),
            Kind::OptMap { operand, body, .. } => Box::new([&**operand, &**body].into_iter()),
            Kind::Call { target, arguments, .. } => Box::new(target.as_deref().into_iter().chain(arguments)),
            Kind::Apply { arguments, .. } => Box::new(arguments.iter()),
            Kind::List(items) => Box::new(items.iter().map(|(item, _)| item)),
            Kind::Map(entries) => Box::new(entries.iter().flat_map(|(key, value, _)| [key, value])),
            Kind::Struct(_, fields) => Box::new(fields.iter().map(|(_, value)| value)),
            Kind::And(terms) | Kind::Or(terms) => Box::new(terms.iter()),
            Kind::Binary(_, sides) => Box::new([&sides.0, &sides.1].into_iter()),
            Kind::Condition(parts) => Box::new([&parts.0, &parts.1, &parts.2].into_iter()),
            Kind::Loop(parts) => Box::new([&parts.range, &parts.body].into_iter().chain(&parts.filter)),
        }
    }
}
