//! What a configuration file may say, for schemas: made of the same structures that decode it.

use std::borrow::Cow;
use std::marker::PhantomData;

use yaml::{Node, Text};

use super::decode::{Decode, TextMap};
use super::types::Str;

/// What a value of a configuration file must be. It may be null, which says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Boolean,
    Integer,
    /// A mapping of texts.
    Texts,
    /// A mapping of anything.
    Mapping,
    List(Box<Shape>),
    /// A mapping with these fields and no others.
    Fields(Vec<(&'static str, Shape)>),
}

/// A value whose shape is known from its type.
pub(crate) trait Shaped {
    fn shape() -> Shape;
}

/// The shape of a field of `T`.
pub(crate) struct ShapeOf<T> {
    pub(crate) shape: fn() -> Shape,
    of: PhantomData<fn(T)>,
}

/// The shape of what a function takes out of a structure; the function is not called.
pub(crate) const fn shape_of<T, F: Shaped>(_: fn(&T) -> &F) -> ShapeOf<T> {
    shape_as::<T, F>()
}

/// The shape of a type, for a field that is decoded by way of it.
pub(crate) const fn shape_as<T, F: Shaped>() -> ShapeOf<T> {
    ShapeOf {
        shape: F::shape,
        of: PhantomData,
    }
}

impl Shaped for Text {
    fn shape() -> Shape {
        Shape::Text
    }
}

impl Shaped for Str {
    fn shape() -> Shape {
        Shape::Text
    }
}

impl Shaped for bool {
    fn shape() -> Shape {
        Shape::Boolean
    }
}

impl Shaped for i64 {
    fn shape() -> Shape {
        Shape::Integer
    }
}

impl Shaped for TextMap {
    fn shape() -> Shape {
        Shape::Texts
    }
}

/// A mapping of anything, as it was written.
impl Shaped for Node {
    fn shape() -> Shape {
        Shape::Mapping
    }
}

impl<T: Shaped> Shaped for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Shaped> Shaped for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

impl<T: Decode + Shaped + Clone> Shaped for Cow<'static, [T]> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}
