//! A compiled expression: parsed, with its names and functions resolved.

use crate::ast::{Access, Expr, Kind, Loop};
use crate::eval::{Error, Evaluator, Meter};
use crate::function::{self, Function};
use crate::parse::{dotted, parse};
use crate::value::{Type, Value};

/// A text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// A lower-case fragment.
    pub message: String,
    /// Where in the text, in bytes.
    pub offset: u32,
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// The names that an expression may use.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Vec<String>,
    has_iam: bool,
    functions: Vec<Function>,
}

impl Environment {
    pub fn new<'n>(variables: impl IntoIterator<Item = &'n str>) -> Environment {
        Environment {
            variables: variables.into_iter().map(str::to_owned).collect(),
            has_iam: false,
            functions: Vec::new(),
        }
    }

    /// The same names with a function of one argument that only whoever compiles has.
    #[must_use]
    pub fn with_function(
        mut self,
        name: &'static str,
        run: fn(&Meter, &[Value]) -> Result<Value, Error>,
    ) -> Environment {
        self.functions.push(Function { name, run });
        self
    }

    /// The same names with the functions that only Google's IAM has, such as `extract`.
    #[must_use]
    pub fn with_iam(mut self) -> Environment {
        self.has_iam = true;
        self
    }

    fn knows(&self, name: &str) -> bool {
        self.variables.iter().any(|known| known == name)
    }
}

/// The values of the names.
pub trait Bindings {
    /// The value of a name.
    fn get(&self, name: &str) -> Option<Value>;

    /// The value of a field of a name, where it is made only when it is asked for.
    fn field(&self, _name: &str, _field: &str, _meter: &Meter) -> Option<Result<Value, Error>> {
        None
    }
}

/// No names at all.
#[derive(Clone, Copy, Debug)]
pub struct NoBindings;

impl Bindings for NoBindings {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }
}

impl Bindings for &[(&str, Value)] {
    fn get(&self, name: &str) -> Option<Value> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    }
}

impl<const N: usize> Bindings for [(&str, Value); N] {
    fn get(&self, name: &str) -> Option<Value> {
        Bindings::get(&self.as_slice(), name)
    }
}

/// An expression that can be evaluated any number of times, on any thread.
#[derive(Clone, Debug)]
pub struct Program {
    expr: Expr,
}

impl Program {
    /// Parses a text and resolves its names and functions.
    ///
    /// # Errors
    /// [`CompileError`] where it is no expression, or uses what is not known.
    pub fn compile(text: &str, environment: &Environment) -> Result<Program, CompileError> {
        let expr = parse(text)?;
        let mut resolver = Resolver {
            environment,
            locals: Vec::new(),
        };
        Ok(Program {
            expr: resolver.resolve(expr)?,
        })
    }

    /// The fields of a name that the expression reads, as `variables.a`; a field may be there twice.
    pub fn fields_of<'p>(&'p self, name: &str) -> Vec<&'p str> {
        let mut found = Vec::new();
        self.expr.visit(&mut |expr| {
            if let Kind::Select { operand, field, .. } = &expr.kind
                && matches!(&operand.kind, Kind::Ident(known) if known == name)
            {
                found.push(field.as_str());
            }
        });
        found
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// [`Error::Failed`] where a part has no value, [`Error::Exhausted`] where the meter ran out.
    pub fn eval(&self, bindings: &dyn Bindings, meter: &Meter) -> Result<Value, Error> {
        Evaluator::new(bindings, meter).eval(&self.expr)
    }
}

struct Resolver<'e> {
    environment: &'e Environment,
    locals: Vec<String>,
}

impl Resolver<'_> {
    fn is_variable(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local == name) || self.environment.knows(name)
    }

    /// The root of a chain of selects, if it is a name.
    fn root(expr: &Expr) -> Option<&str> {
        match &expr.kind {
            Kind::Ident(name) => Some(name),
            Kind::Select { operand, .. } => Resolver::root(operand),
            _ => None,
        }
    }

    fn resolve(&mut self, expr: Expr) -> Result<Expr, CompileError> {
        let offset = expr.offset;
        let fail = |message: String| Err(CompileError { message, offset });
        let kind = match expr.kind {
            Kind::Literal(_) | Kind::Apply { .. } => expr.kind,
            Kind::Ident(name) if self.is_variable(&name) => Kind::Ident(name),
            Kind::Ident(name) => match Type::named(&name) {
                Some(found) => Kind::Literal(Value::Type(found)),
                None => return fail(format!("undeclared reference to '{name}'")),
            },
            Kind::Select { operand, field, access } => {
                let root_is_variable = Resolver::root(&operand).is_none_or(|root| self.is_variable(root));
                let named = (access == Access::Plain && !root_is_variable)
                    .then(|| dotted(&operand))
                    .flatten()
                    .and_then(|name| Type::named(&format!("{name}.{field}")));
                match named {
                    Some(found) => Kind::Literal(Value::Type(found)),
                    None => Kind::Select {
                        operand: self.boxed(*operand)?,
                        field,
                        access,
                    },
                }
            }
            Kind::Call {
                name,
                target,
                arguments,
            } => return self.call(name, target.map(|target| *target), arguments, offset),
            Kind::Index {
                operand,
                index,
                is_optional,
            } => Kind::Index {
                operand: self.boxed(*operand)?,
                index: self.boxed(*index)?,
                is_optional,
            },
            Kind::List(items) => Kind::List(
                items
                    .into_iter()
                    .map(|(item, optional)| Ok((self.resolve(item)?, optional)))
                    .collect::<Result<_, _>>()?,
            ),
            Kind::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value, optional)| Ok((self.resolve(key)?, self.resolve(value)?, optional)))
                    .collect::<Result<_, _>>()?,
            ),
            Kind::Struct(name, _) => return fail(format!("there is no type '{name}' to make")),
            Kind::And(terms) => Kind::And(self.all(terms)?),
            Kind::Or(terms) => Kind::Or(self.all(terms)?),
            Kind::Not(operand) => Kind::Not(self.boxed(*operand)?),
            Kind::Negate(operand) => Kind::Negate(self.boxed(*operand)?),
            Kind::Binary(operator, sides) => {
                Kind::Binary(operator, Box::new((self.resolve(sides.0)?, self.resolve(sides.1)?)))
            }
            Kind::Condition(parts) => Kind::Condition(Box::new((
                self.resolve(parts.0)?,
                self.resolve(parts.1)?,
                self.resolve(parts.2)?,
            ))),
            Kind::Loop(parts) => Kind::Loop(Box::new(self.each(*parts)?)),
            Kind::OptMap {
                operand,
                variable,
                body,
                is_flat,
            } => {
                let operand = self.boxed(*operand)?;
                self.locals.push(variable.clone());
                let body = self.boxed(*body)?;
                self.locals.pop();
                Kind::OptMap {
                    operand,
                    variable,
                    body,
                    is_flat,
                }
            }
        };
        Expr::new(kind, offset)
    }

    fn boxed(&mut self, expr: Expr) -> Result<Box<Expr>, CompileError> {
        self.resolve(expr).map(Box::new)
    }

    fn all(&mut self, exprs: Vec<Expr>) -> Result<Vec<Expr>, CompileError> {
        exprs.into_iter().map(|expr| self.resolve(expr)).collect()
    }

    fn each(&mut self, parts: Loop) -> Result<Loop, CompileError> {
        let range = self.resolve(parts.range)?;
        let depth = self.locals.len();
        self.locals.push(parts.first.clone());
        self.locals.extend(parts.second.clone());
        let filter = parts.filter.map(|filter| self.resolve(filter)).transpose()?;
        let body = self.resolve(parts.body)?;
        self.locals.truncate(depth);
        Ok(Loop {
            range,
            filter,
            body,
            ..parts
        })
    }

    fn call(
        &mut self,
        name: String,
        target: Option<Expr>,
        arguments: Vec<Expr>,
        offset: u32,
    ) -> Result<Expr, CompileError> {
        let mut arguments = self.all(arguments)?;
        let count = arguments.len();
        let (found, is_receiver, full) = match target {
            None => {
                let of_iam = self.environment.has_iam.then(|| function::global_of_iam(&name, count));
                let mut given = self.environment.functions.iter();
                let given = given.find(|given| given.name == name && count == 1).copied();
                let found = given.or(of_iam.flatten());
                (found.or_else(|| function::global(&name, count)), false, name)
            }
            Some(target) => {
                // `sets.contains(a, b)` is a function with a dotted name, unless `sets` is a variable.
                let space = Resolver::root(&target)
                    .is_some_and(|root| !self.is_variable(root))
                    .then(|| dotted(&target))
                    .flatten();
                match space {
                    Some(space) => {
                        let full = format!("{space}.{name}");
                        if !function::is_global(&full) {
                            self.resolve(target)?;
                        }
                        (function::global(&full, count), false, full)
                    }
                    None => {
                        arguments.insert(0, self.resolve(target)?);
                        let of_iam = if self.environment.has_iam {
                            function::of_iam(&name, count)
                        } else {
                            None
                        };
                        (of_iam.or_else(|| function::receiver(&name, count)), true, name)
                    }
                }
            }
        };
        let Some(function) = found else {
            let known = if is_receiver {
                function::is_receiver(&full)
            } else {
                function::is_global(&full)
            };
            let message = if known {
                format!("'{full}' does not take {count} arguments")
            } else {
                format!("undeclared reference to '{full}'")
            };
            return Err(CompileError { message, offset });
        };
        Expr::new(Kind::Apply { function, arguments }, offset)
    }
}
