//! Tokens to a tree: the grammar of the CEL specification. Macros are expanded in `macros`.

use crate::ast::{Access, Expr, Kind, Operator};
use crate::lex::{Token, tokens};
use crate::program::CompileError;
use crate::value::Value;

/// How long a text may be, in characters (`cel-go`'s default).
const MAX_LENGTH: usize = 100_000;

/// How deep brackets may be nested.
const MAX_NESTING: u32 = 120;

/// Words that are no names.
pub(crate) const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

pub(crate) type Parsed<T = Expr> = Result<T, CompileError>;

/// Parses a whole text.
pub(crate) fn parse(text: &str) -> Parsed {
    if text.chars().count() > MAX_LENGTH {
        return Err(CompileError {
            message: format!("the expression is longer than {MAX_LENGTH} characters"),
            offset: 0,
        });
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        nesting: 0,
    };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        other => Err(parser.error(format!("unexpected {}", shown(other)))),
    }
}

struct Parser {
    tokens: Vec<(Token, u32)>,
    next: usize,
    nesting: u32,
}

fn shown(token: &Token) -> String {
    match token {
        Token::Ident(name) => format!("\"{name}\""),
        Token::Int(number) => number.to_string(),
        Token::IntMinimum => "9223372036854775808".to_owned(),
        Token::Uint(number) => format!("{number}u"),
        Token::Double(number) => number.to_string(),
        Token::Text(text) => format!("{text:?}"),
        Token::Bytes(_) => "bytes".to_owned(),
        Token::Mark(mark) => format!("\"{mark}\""),
        Token::End => "end of the expression".to_owned(),
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn offset(&self) -> u32 {
        self.tokens[self.next].1
    }

    fn take(&mut self) -> Token {
        let token = self.tokens[self.next].0.clone();
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
        token
    }

    fn error(&self, message: impl Into<String>) -> CompileError {
        CompileError {
            message: message.into(),
            offset: self.offset(),
        }
    }

    fn eat(&mut self, mark: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Mark(found) if *found == mark);
        if is_it {
            self.take();
        }
        is_it
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.eat(mark) {
            return Ok(());
        }
        Err(self.error(format!("expected \"{mark}\", found {}", shown(self.peek()))))
    }

    fn expression(&mut self) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error(format!("brackets are nested more than {MAX_NESTING} deep")));
        }
        let offset = self.offset();
        let condition = self.or()?;
        let expr = if self.eat("?") {
            let yes = self.or()?;
            self.expect(":")?;
            let no = self.expression()?;
            Expr::new(Kind::Condition(Box::new((condition, yes, no))), offset)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Parsed {
        self.terms("||", Parser::and, Kind::Or)
    }

    fn and(&mut self) -> Parsed {
        self.terms("&&", Parser::relation, Kind::And)
    }

    fn terms(&mut self, mark: &str, term: fn(&mut Parser) -> Parsed, kind: fn(Vec<Expr>) -> Kind) -> Parsed {
        let offset = self.offset();
        let first = term(self)?;
        let mut terms = vec![first];
        while self.eat(mark) {
            terms.push(term(self)?);
        }
        match terms.len() {
            1 => Ok(terms.remove(0)),
            _ => Expr::new(kind(terms), offset),
        }
    }

    fn relation(&mut self) -> Parsed {
        let operator = |token: &Token| {
            Some(match token {
                Token::Mark("==") => Operator::Equal,
                Token::Mark("!=") => Operator::NotEqual,
                Token::Mark("<") => Operator::Less,
                Token::Mark("<=") => Operator::LessOrEqual,
                Token::Mark(">") => Operator::Greater,
                Token::Mark(">=") => Operator::GreaterOrEqual,
                Token::Ident(name) if name == "in" => Operator::In,
                _ => return None,
            })
        };
        self.binary(operator, Parser::sum)
    }

    fn sum(&mut self) -> Parsed {
        let operator = |token: &Token| match token {
            Token::Mark("+") => Some(Operator::Add),
            Token::Mark("-") => Some(Operator::Subtract),
            _ => None,
        };
        self.binary(operator, Parser::product)
    }

    fn product(&mut self) -> Parsed {
        let operator = |token: &Token| match token {
            Token::Mark("*") => Some(Operator::Multiply),
            Token::Mark("/") => Some(Operator::Divide),
            Token::Mark("%") => Some(Operator::Modulo),
            _ => None,
        };
        self.binary(operator, Parser::unary)
    }

    fn binary(&mut self, operator: fn(&Token) -> Option<Operator>, side: fn(&mut Parser) -> Parsed) -> Parsed {
        let mut left = side(self)?;
        while let Some(operator) = operator(self.peek()) {
            let offset = self.offset();
            self.take();
            let right = side(self)?;
            left = Expr::new(Kind::Binary(operator, Box::new((left, right))), offset)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let offset = self.offset();
        let mut count = 0_usize;
        if matches!(self.peek(), Token::Mark("!")) {
            while self.eat("!") {
                count += 1;
            }
            let operand = self.member()?;
            return match count % 2 {
                0 => Expr::new(
                    Kind::Not(Box::new(Expr::new(Kind::Not(Box::new(operand)), offset)?)),
                    offset,
                ),
                _ => Expr::new(Kind::Not(Box::new(operand)), offset),
            };
        }
        if matches!(self.peek(), Token::Mark("-")) {
            while self.eat("-") {
                count += 1;
            }
            if count % 2 == 1 {
                let number = match self.peek() {
                    Token::Int(number) => Some(Value::Int(-number)),
                    Token::IntMinimum => Some(Value::Int(i64::MIN)),
                    Token::Double(number) => Some(Value::Double(-number)),
                    _ => None,
                };
                if let Some(number) = number {
                    self.take();
                    let literal = Expr::new(Kind::Literal(number), offset)?;
                    return self.members(literal);
                }
            }
            let operand = self.member()?;
            let negated = Expr::new(Kind::Negate(Box::new(operand)), offset)?;
            return match count % 2 {
                0 => Expr::new(Kind::Negate(Box::new(negated)), offset),
                _ => Ok(negated),
            };
        }
        self.member()
    }

    fn member(&mut self) -> Parsed {
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut expr: Expr) -> Parsed {
        loop {
            let offset = self.offset();
            if self.eat(".") {
                let is_optional = self.eat("?");
                let Token::Ident(field) = self.peek().clone() else {
                    return Err(self.error(format!("expected a name after \".\", found {}", shown(self.peek()))));
                };
                self.take();
                if !is_optional && self.eat("(") {
                    let arguments = self.arguments(")")?;
                    expr = crate::macros::receiver_call(field, expr, arguments, offset)?;
                    continue;
                }
                let access = if is_optional { Access::Optional } else { Access::Plain };
                let operand = Box::new(expr);
                expr = Expr::new(Kind::Select { operand, field, access }, offset)?;
            } else if self.eat("[") {
                let is_optional = self.eat("?");
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                let operand = Box::new(expr);
                let kind = Kind::Index {
                    operand,
                    index,
                    is_optional,
                };
                expr = Expr::new(kind, offset)?;
            } else if matches!(self.peek(), Token::Mark("{")) {
                let Some(name) = dotted(&expr) else {
                    return Ok(expr);
                };
                self.take();
                expr = Expr::new(Kind::Struct(name, self.fields()?), offset)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let offset = self.offset();
        let literal = |value: Value| Expr::new(Kind::Literal(value), offset);
        let token = self.take();
        match token {
            Token::Int(number) => literal(Value::Int(number)),
            Token::Uint(number) => literal(Value::Uint(number)),
            Token::Double(number) => literal(Value::Double(number)),
            Token::Text(text) => literal(Value::from(text)),
            Token::Bytes(bytes) => literal(Value::Bytes(bytes.into())),
            Token::Ident(name) => self.name(name, offset),
            Token::Mark(".") => match self.take() {
                Token::Ident(name) => self.name(name, offset),
                other => Err(CompileError {
                    message: format!("expected a name after \".\", found {}", shown(&other)),
                    offset,
                }),
            },
            Token::Mark("(") => {
                let expr = self.expression()?;
                self.expect(")")?;
                Ok(expr)
            }
            Token::Mark("[") => {
                let mut items = Vec::new();
                while !self.eat("]") {
                    let is_optional = self.eat("?");
                    items.push((self.expression()?, is_optional));
                    if !self.eat(",") {
                        self.expect("]")?;
                        break;
                    }
                }
                Expr::new(Kind::List(items), offset)
            }
            Token::Mark("{") => {
                let mut entries = Vec::new();
                while !self.eat("}") {
                    let is_optional = self.eat("?");
                    let key = self.expression()?;
                    self.expect(":")?;
                    entries.push((key, self.expression()?, is_optional));
                    if !self.eat(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                Expr::new(Kind::Map(entries), offset)
            }
            other => Err(CompileError {
                message: match other {
                    Token::IntMinimum => "the number 9223372036854775808 is out of range".to_owned(),
                    other => format!("unexpected {}", shown(&other)),
                },
                offset,
            }),
        }
    }

    fn name(&mut self, name: String, offset: u32) -> Parsed {
        let literal = match &*name {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = literal {
            return Expr::new(Kind::Literal(value), offset);
        }
        if RESERVED.contains(&&*name) {
            let message = format!("\"{name}\" is a reserved word");
            return Err(CompileError { message, offset });
        }
        if self.eat("(") {
            let arguments = self.arguments(")")?;
            return crate::macros::global_call(name, arguments, offset);
        }
        Expr::new(Kind::Ident(name), offset)
    }

    fn arguments(&mut self, close: &str) -> Parsed<Vec<Expr>> {
        let mut arguments = Vec::new();
        if self.eat(close) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.eat(",") {
                self.expect(close)?;
                return Ok(arguments);
            }
        }
    }

    fn fields(&mut self) -> Parsed<Vec<(String, Expr)>> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let Token::Ident(name) = self.take() else {
                return Err(self.error("expected the name of a field"));
            };
            self.expect(":")?;
            fields.push((name, self.expression()?));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(fields)
    }
}

/// The name that a chain of selects spells: `a.b.c`.
pub(crate) fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select {
            operand,
            field,
            access: Access::Plain,
        } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}
