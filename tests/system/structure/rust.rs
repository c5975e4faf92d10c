//! Reads which modules a Rust source declares and which paths it names, without the parts that only tests
//! see.
//!
//! This is not a parser: it splits the text into words and signs, and searches for `mod name;` and
//! `first::second`. This is enough for sources that rustfmt has formatted, and needs no additional
//! dependency.

/// The parts of a source that show how modules depend on each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Names of the modules that the source declares and that have their own files.
    pub(super) modules: Vec<String>,
    /// Paths that the source names, segment by segment; groups in `use` are expanded.
    pub(super) paths: Vec<Vec<String>>,
    /// Paths that the source imports with `use`, by their names in it.
    pub(super) imports: Vec<(String, Vec<String>)>,
}

/// A word (identifier, keyword or number), a sign of one character, or `::`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
    Separator,
}

/// Reads the outline of a source.
pub(super) fn outline(source: &str) -> Outline {
    let tokens = without_tests(&tokens(source));
    let mut outline = Outline::default();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at..] {
            [Token::Word("mod"), Token::Word(name), Token::Sign(';'), ..] => {
                outline.modules.push(name.to_owned());
                at += 3;
            }
            [Token::Word("use"), ..] => {
                let first = outline.imports.len();
                at = read_path(&tokens, at + 1, &[], &mut outline.imports);
                outline.paths.extend(outline.imports[first..].iter().map(|(_, path)| path.clone()));
            }
            [Token::Word(_), Token::Separator, ..] => {
                let mut named = Vec::new();
                at = read_path(&tokens, at, &[], &mut named);
                outline.paths.extend(named.into_iter().map(|(_, path)| path));
            }
            _ => at += 1,
        }
    }
    outline
}

/// Adds the path, or all paths of the group, that begins at `at`, each with its name after a `use`; returns
/// where it ends.
fn read_path(
    tokens: &[Token<'_>],
    mut at: usize,
    before: &[String],
    paths: &mut Vec<(String, Vec<String>)>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => path.push((*word).to_owned()),
            Some(Token::Sign('{')) => return read_group(tokens, at + 1, &path, paths),
            // A star, generic arguments, or nothing at all: the path ends here.
            _ => break,
        }
        at += 1;
        match tokens.get(at) {
            Some(Token::Separator) => at += 1,
            _ => break,
        }
    }
    let name = match tokens[at..] {
        [Token::Word("as"), Token::Word(name), ..] => Some(name.to_owned()),
        _ => path.iter().rfind(|name| *name != "self").cloned(),
    };
    paths.extend(name.map(|name| (name, path)));
    at
}

/// Adds the paths of a group after its opening brace; returns where the group ends.
fn read_group(
    tokens: &[Token<'_>],
    mut at: usize,
    before: &[String],
    paths: &mut Vec<(String, Vec<String>)>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        at = match token {
            Token::Sign('}') => return at + 1,
            Token::Word("as") => at + 2,
            Token::Word(_) | Token::Sign('{' | '*') => {
                let end = read_path(tokens, at, before, paths);
                // A star ends a path without being a part of it.
                end.max(at + 1)
            }
            _ => at + 1,
        };
    }
    at
}

/// Leaves out every item after `#[cfg(test)]`.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    use Token::{Sign, Word};
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let [Sign('#'), Sign('['), Word("cfg"), Sign('('), Word("test"), Sign(')'), Sign(']'), ..] =
            tokens[at..]
        {
            at = item_end(tokens, at + 7);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Returns the end of the item that begins at `at`: after its semicolon or its closing brace.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    let is_use = tokens[at..].iter().take(6).any(|token| *token == Token::Word("use"));
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            // The item was the last field of something else.
            Token::Sign(')' | ']' | '}') if depth == 0 => return at,
            Token::Sign('}') if depth == 1 && !is_use => return at + 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            Token::Sign(';') if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Splits a source into tokens; comments and the contents of texts and characters are left out.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if let Some(length) = skipped_bytes(rest) {
            (None, length)
        } else if let Some(length) = word_bytes(rest) {
            (Some(Token::Word(&rest[..length])), length)
        } else if rest.starts_with("::") {
            (Some(Token::Separator), 2)
        } else {
            ((!first.is_whitespace()).then_some(Token::Sign(first)), first.len_utf8())
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of the word at the beginning of `text`, if there is one.
fn word_bytes(text: &str) -> Option<usize> {
    let length = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    (length > 0).then_some(length)
}

/// Returns the length of the comment, text or character at the beginning of `text`, if there is one.
fn skipped_bytes(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment_bytes(text));
    }
    if let Some(inner) = text.strip_prefix('\'') {
        // Otherwise, it is the name of a lifetime or of a loop.
        let is_character = inner.starts_with('\\') || inner.chars().nth(1) == Some('\'');
        return is_character.then(|| quoted_bytes(text, '\''));
    }
    let prefix = text.find(|letter| !matches!(letter, 'b' | 'c' | 'r')).filter(|length| *length <= 2)?;
    let (before, quoted) = text.split_at(prefix);
    if before.contains('r') {
        let hashes = quoted.find(|letter| letter != '#')?;
        let inner = quoted[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", &quoted[..hashes]);
        let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
        return Some(prefix + hashes + 1 + length);
    }
    quoted.starts_with('"').then(|| prefix + quoted_bytes(quoted, '"'))
}

/// Returns the length of the comment at the beginning of `text`; comments of this kind can be nested.
fn block_comment_bytes(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find(['/', '*']) {
        at += next;
        match text.as_bytes()[at..] {
            [b'/', b'*', ..] => depth += 1,
            [b'*', b'/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Returns the length of the text between two `quote`s at the beginning of `text`, including the quotes.
fn quoted_bytes(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return at + letter.len_utf8();
        }
    }
    text.len()
}

/// Returns the paths that `source` names, as texts.
fn named(source: &str) -> Vec<String> {
    outline(source).paths.iter().map(|path| path.join("::")).collect()
}

#[test]
fn paths_in_use_and_in_code_are_found() {
    let source = "use crate::{a::{self, B, deep::{C as D, *}}, e};\nuse self::f::G;\npub use g;\n\
        fn h(i: super::I<crate::j::K>) -> l::M { crate::n::o::<P>(); Q::r() }";
    let expected = [
        "crate::a::self",
        "crate::a::B",
        "crate::a::deep::C",
        "crate::a::deep",
        "crate::e",
        "self::f::G",
        "g",
        "super::I",
        "crate::j::K",
        "l::M",
        "crate::n::o",
        "Q::r",
    ];
    assert_eq!(named(source), expected);
}

#[test]
fn imports_have_the_names_that_they_get() {
    let outline = outline("use crate::{a::{self, B as C}, d}; pub use e::F as G; fn h() { i::j() }");
    let names: Vec<&str> = outline.imports.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "C", "d", "G"]);
}

#[test]
fn comments_texts_and_characters_name_nothing() {
    let source = "// a::B\n/* c::D /* e::F */ g::H */ \"i::J \\\" k::L\" r#\"m::N \" o::P\"# b\"q::R\" \
        '\"' '\\'' b'\"' x::<'a>(b'\\\\', y::Z)";
    assert_eq!(named(source), ["x", "y::Z"]);
}

#[test]
fn what_only_tests_see_is_left_out() {
    let source = "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod b { use c::D; }\n\
        #[cfg(test)]\nuse e::{F, G};\n#[cfg(test)]\nfn h(i: [u8; 3]) -> j::K { l::M { n: {} } }\npub mod o;\nuse p::Q;";
    let outline = outline(source);
    assert_eq!(outline.modules, ["a", "o"]);
    assert_eq!(outline.paths, [["p", "Q"]]);
}
