//! JSON bodies, strictly after RFC 8259, flattened to arguments.
//!
//! Names are those of ModSecurity 3: `{"a":{"b":1},"c":[2,{"d":3}]}` gives `json.a.b`, `json.c.array_0` and
//! `json.c.array_1.d`; an empty key is `empty-key`, a bare value is `json`. Strings arrive unescaped, numbers and
//! truth values as they were written, `null` as the empty value. Empty objects and arrays give nothing.

mod scan;

use scan::Scanner;

/// How much of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects and arrays inside one another; deeper is an error. 512 by default, as in ModSecurity's recommended
    /// `SecRequestBodyJsonDepthLimit`.
    pub depth_max: usize,
    /// Arguments that are delivered; at the next one the reading ends, partial. 1,000 by default, as in ModSecurity's
    /// recommended `SecArgumentsLimit`.
    pub arguments_max: usize,
    /// Bytes of one flattened name; at a longer one the reading ends, partial. 8 KiB by default: without it, one long
    /// key above many values would cost its length for each of them.
    pub name_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 512, arguments_max: 1_000, name_bytes_max: 8 * 1024 }
    }
}

/// Why a body is no JSON that can be read. Positions are bytes from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A byte that RFC 8259 has no place for.
    #[error("unexpected byte at {at}")]
    Syntax {
        /// Where it is.
        at: usize,
    },
    /// The body ends before its value does.
    #[error("body ends early")]
    Truncated,
    /// Bytes that are not UTF-8. RFC 8259 section 8.1.
    #[error("not UTF-8 at {at}")]
    Encoding {
        /// Where they are.
        at: usize,
    },
    /// More objects and arrays inside one another than are read.
    #[error("nested too deep at {at}")]
    Depth {
        /// Where the first too deep one begins.
        at: usize,
    },
}

/// What a reading was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is wrong with the body. The arguments before it were delivered.
    pub error: Option<Error>,
    /// A limit kept something from being delivered; the rest of the body was not looked at.
    pub partial: bool,
}

/// Delivers the name and value of each scalar in the body, in order.
pub fn parse(body: &[u8], limits: &Limits, argument: &mut impl FnMut(&[u8], &[u8])) -> Outcome {
    let valid = match std::str::from_utf8(body) {
        Ok(_) => body,
        Err(error) => &body[..error.valid_up_to()],
    };
    let mut reader = Reader {
        scanner: Scanner::new(valid),
        limits,
        argument,
        delivered: 0,
        name: b"json".to_vec(),
        open: Vec::new(),
    };
    match reader.run() {
        Ok(()) if valid.len() < body.len() => Outcome::error(Error::Encoding { at: valid.len() }),
        Ok(()) => Outcome::default(),
        Err(Stop::Limit) => Outcome { error: None, partial: true },
        Err(Stop::Error(Error::Truncated)) if valid.len() < body.len() => {
            Outcome::error(Error::Encoding { at: valid.len() })
        }
        Err(Stop::Error(error)) => Outcome::error(error),
    }
}

impl Outcome {
    const fn error(error: Error) -> Self {
        Self { error: Some(error), partial: false }
    }
}

/// Why the reading ends before the body does.
enum Stop {
    Limit,
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// An object or array that has not ended. The name of what is in it begins with so many bytes of the current name.
enum Open {
    Object { name_bytes: usize },
    Array { name_bytes: usize, index: usize },
}

/// What may come next.
enum Expected {
    Value,
    FirstMember,
    Member,
    FirstElement,
    CommaOrEnd,
}

struct Reader<'r, F> {
    scanner: Scanner<'r>,
    limits: &'r Limits,
    argument: &'r mut F,
    delivered: usize,
    name: Vec<u8>,
    open: Vec<Open>,
}

impl<F: FnMut(&[u8], &[u8])> Reader<'_, F> {
    fn run(&mut self) -> Result<(), Stop> {
        let mut expected = Expected::Value;
        loop {
            self.scanner.skip_space();
            expected = match expected {
                Expected::Value => self.value()?,
                Expected::FirstMember if self.scanner.take(b'}') => self.close(),
                Expected::FirstMember | Expected::Member => self.key()?,
                Expected::FirstElement if self.scanner.take(b']') => self.close(),
                Expected::FirstElement => self.element()?,
                Expected::CommaOrEnd => match self.open.last() {
                    None => return Ok(self.scanner.end()?),
                    Some(Open::Object { .. }) if self.scanner.take(b'}') => self.close(),
                    Some(Open::Array { .. }) if self.scanner.take(b']') => self.close(),
                    Some(Open::Object { .. }) => {
                        self.scanner.expect(b',')?;
                        Expected::Member
                    }
                    Some(Open::Array { .. }) => {
                        self.scanner.expect(b',')?;
                        self.element()?
                    }
                },
            };
        }
    }

    fn value(&mut self) -> Result<Expected, Stop> {
        match self.scanner.peek()? {
            b'{' => {
                self.open(Open::Object { name_bytes: self.name.len() })?;
                Ok(Expected::FirstMember)
            }
            b'[' => {
                self.open(Open::Array { name_bytes: self.name.len(), index: 0 })?;
                Ok(Expected::FirstElement)
            }
            _ => {
                let value = self.scanner.scalar()?;
                if self.delivered == self.limits.arguments_max {
                    return Err(Stop::Limit);
                }
                self.delivered += 1;
                (self.argument)(&self.name, &value);
                Ok(Expected::CommaOrEnd)
            }
        }
    }

    fn open(&mut self, container: Open) -> Result<(), Stop> {
        if self.open.len() == self.limits.depth_max {
            return Err(Error::Depth { at: self.scanner.position() }.into());
        }
        self.scanner.skip(1);
        self.open.push(container);
        Ok(())
    }

    fn close(&mut self) -> Expected {
        self.open.pop();
        Expected::CommaOrEnd
    }

    fn key(&mut self) -> Result<Expected, Stop> {
        self.name_container();
        let key = self.scanner.string()?;
        self.name.push(b'.');
        self.name.extend_from_slice(if key.is_empty() { b"empty-key" } else { &key });
        self.scanner.skip_space();
        self.scanner.expect(b':')?;
        self.name_fits()?;
        Ok(Expected::Value)
    }

    fn element(&mut self) -> Result<Expected, Stop> {
        let index = self.name_container();
        self.name.extend_from_slice(format!(".array_{index}").as_bytes());
        self.name_fits()?;
        Ok(Expected::Value)
    }

    /// Makes the name that of the innermost container, and counts what is in it.
    fn name_container(&mut self) -> usize {
        let (name_bytes, index) = match self.open.last_mut() {
            Some(Open::Array { name_bytes, index }) => {
                *index += 1;
                (*name_bytes, *index - 1)
            }
            Some(Open::Object { name_bytes }) => (*name_bytes, 0),
            None => (self.name.len(), 0),
        };
        self.name.truncate(name_bytes);
        index
    }

    fn name_fits(&self) -> Result<(), Stop> {
        if self.name.len() > self.limits.name_bytes_max { Err(Stop::Limit) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
