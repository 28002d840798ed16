//! What is Kubernetes' own: its libraries, budgets, schemas of lists and names, errors with places.

use yaml::Sources;

use super::*;

fn environment() -> Environment {
    Environment::new(["object", "self"])
}

/// The value of an expression over an object, as text; or the error.
fn shown(expression: &str, object: &str) -> String {
    let source = Sources::new().add("object.yaml", object.to_owned());
    let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
    let bindings = [("object", Value::from_node(&node))];
    let program = match Program::compile(expression, &environment()) {
        Ok(program) => program,
        Err(error) => return format!("{}: {error}", error.offset),
    };
    match program.eval(&bindings, &Meter::new(CALL_LIMIT)) {
        Ok(Value::Bool(value)) => value.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn libraries() {
    for expression in [
        "quantity('1Gi') == quantity('1024Mi')",
        "quantity('1.5').isGreaterThan(quantity('1499m'))",
        "quantity('50k').add(20).asInteger() == 50020",
        "quantity('-3').sign() == -1 && !quantity('1.5').isInteger()",
        "!isQuantity('1,5') && isQuantity('12e6') && !isQuantity('') && !isQuantity('Gi')",
        "quantity('1Ei').compareTo(quantity('1E')) == 1",
        "url('https://user@[::1]:8443/a%20b/c d?x=1&x=2&y#z').getHost() == '[::1]:8443'",
        "url('https://[::1]:8443/').getHostname() == '::1' && url('https://h:80/').getPort() == '80'",
        "url('https://h/a b').getEscapedPath() == '/a%20b'",
        "url('/p?k=1&k=2').getQuery()['k'] == ['1', '2']",
        "!isURL('../relative') && isURL('https://example.com') && !isURL('https://a b/')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('::1'))",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR('10.0.0.0/8')",
        "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').ip() == ip('10.1.2.3')",
        "!isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && ip.isCanonical('::1') && !ip.isCanonical('0::1')",
        "ip('127.0.0.1').isLoopback() && ip('169.254.1.1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()",
        "string(ip('2001:db8::1')) == '2001:db8::1' && ip('::1').family() == 6",
        "semver('1.2.3-rc.1').isLessThan(semver('1.2.3')) && semver('v1.2', true).minor() == 2",
        "!isSemver('01.2.3') && isSemver('v01.2', true) && semver('1.2.3').compareTo(semver('1.10.0')) == -1",
        "format.dns1123Label().validate('My') != optional.none()",
        "!format.named('labelValue').value().validate('ok').hasValue() && !format.named('x').hasValue()",
        "'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b22'.find('[0-9]+') == '1'",
        "[1, 2, 2].isSorted() && [3, 1].min() == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1.5, 2.0].sum() == 3.5",
        "sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
        "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) == {'b': 20}",
        "[5, 6].transformList(i, v, i * v) == [0, 6]",
        "object.?metadata.?labels['app'].orValue('none') == 'none'",
        "object.spec.replicas == 3 && object.spec.ratio == 2",
        "type(object.spec.replicas) == int && !has(object.status)",
    ] {
        assert_eq!(
            shown(expression, "metadata: {name: a}\nspec: {replicas: 3, ratio: 2.0}"),
            "true",
            "{expression}"
        );
    }
}

#[test]
fn errors_have_a_place() {
    for (expression, expected) in [
        ("object.spec.x == 1", "no such key: spec"),
        ("objekt.spec", "0: undeclared reference to 'objekt'"),
        ("1 + foo(2)", "4: undeclared reference to 'foo'"),
        ("'a'.startsWith()", "3: 'startsWith' does not take 0 arguments"),
        ("[1, 2", "5: expected \"]\", found end of the expression"),
        ("1 +", "3: unexpected end of the expression"),
        ("authorizer.group('x')", "0: undeclared reference to 'authorizer'"),
        ("has(object)", "0: has() takes a field: has(object.field)"),
        ("'a' < 1", "no such overload: string Less int"),
        ("'x'.matches('(')", "\"(\" is no regular expression"),
    ] {
        assert_eq!(shown(expression, "a: 1"), expected, "{expression}");
    }
}

#[test]
fn what_explodes_is_stopped() {
    let exhausted = Error::Exhausted.to_string();
    let nested = "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= 0)))";
    assert_eq!(shown(nested, "a: 1"), exhausted);
    // Every step doubles the text.
    let doubled = (0..60).fold("'0123456789'".to_owned(), |inner, _| {
        format!("[{inner}].map(x, x + x)[0]")
    });
    assert!(shown(&doubled, "a: 1").ends_with("deep") || shown(&doubled, "a: 1") == exhausted);
    assert_eq!(shown("lists.range(9223372036854775807).size() > 0", "a: 1"), exhausted);
    assert_eq!(
        shown("'aaaaaaaaaa'.replace('', 'bbbbbbbbbb').matches('(a+)+$')", "a: 1"),
        "false"
    );
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(shown(&deep, "a: 1").contains("nested"));
    let long = vec!["1"; 5000].join("+");
    assert!(shown(&long, "a: 1").contains("nested"));
    assert!(shown(&"!".repeat(200_000), "a: 1").contains("longer"));
}

/// A schema: an object of lists and escaped names.
struct Schema;
struct Field(ShapeKind);

impl Shape for Schema {
    fn kind(&self) -> ShapeKind {
        ShapeKind::Object
    }

    fn field(&self, name: &str) -> Option<&dyn Shape> {
        static SET: Field = Field(ShapeKind::List(ListKind::Set));
        static NUMBER: Field = Field(ShapeKind::Number);
        static TIME: Field = Field(ShapeKind::DateTime);
        match name {
            "set" | "other-set" => Some(&SET),
            "number" => Some(&NUMBER),
            "time" => Some(&TIME),
            _ => None,
        }
    }

    fn declares(&self, _name: &str) -> bool {
        true
    }

    fn items(&self) -> Option<&dyn Shape> {
        None
    }
}

impl Shape for Field {
    fn kind(&self) -> ShapeKind {
        self.0.clone()
    }

    fn field(&self, _name: &str) -> Option<&dyn Shape> {
        None
    }

    fn declares(&self, _name: &str) -> bool {
        false
    }

    fn items(&self) -> Option<&dyn Shape> {
        None
    }
}

#[test]
fn schemas_say_what_values_are() {
    let text = "set: [a, b]\nother-set: [b, a]\nnumber: 1\ntime: '2026-01-02T03:04:05Z'\nnamespace: x\n'a__b': 1\n";
    let source = Sources::new().add("object.yaml", text.to_owned());
    let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
    let bindings = [("self", Value::from_shaped(&node, &Schema))];
    for expression in [
        "self.set == self.other__dash__set",
        "size(self.set + self.other__dash__set) == 2",
        "type(self.number) == double",
        "self.time.getFullYear() == 2026",
        "self.__namespace__ == 'x' && self.a__underscores__b == 1",
    ] {
        let program = Program::compile(expression, &environment()).unwrap();
        let value = program.eval(&bindings, &Meter::new(CALL_LIMIT)).unwrap();
        assert_eq!(value.as_bool(), Some(true), "{expression}");
    }
}

#[test]
fn a_function_of_one_who_compiles_is_known_there_alone() {
    let twice = |_: &Meter, values: &[Value]| match values {
        [Value::String(text)] => Ok(Value::from(format!("{text}{text}"))),
        _ => Err(Error::Failed("twice takes a text".to_owned())),
    };
    let environment = Environment::new([]).with_function("twice", twice);
    let program = Program::compile("twice('ab') == 'abab'", &environment).unwrap();
    let value = program.eval(&NoBindings, &Meter::new(CALL_LIMIT)).unwrap();
    assert_eq!(value.as_bool(), Some(true));
    let failed = Program::compile("twice(1)", &environment).unwrap();
    assert!(failed.eval(&NoBindings, &Meter::new(CALL_LIMIT)).is_err());
    assert!(Program::compile("twice('a', 'b')", &environment).is_err());
    assert!(Program::compile("twice('ab')", &Environment::new([])).is_err());
}
