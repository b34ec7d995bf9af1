//! Finds the fields of one record in bytes that begin with it. Pure; nothing is copied but fields
//! with doubled quotes.

use super::records::MOST_SPAN;

/// What the bytes begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// A record of this many bytes, line end included, over so many line ends in quotes.
    Whole { bytes: usize, spanned: usize },
    /// Less than a record; the bytes end inside quotes, or not.
    Part { quoted: bool },
    /// A quoted field that something follows which is neither delimiter nor line end, after so
    /// many line ends in quotes.
    Garbled { spanned: usize },
}

/// Fields of a record, as places in its bytes or as texts of their own.
#[derive(Debug, Default)]
pub struct Places {
    spans: Vec<Span>,
    unescaped: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    /// The place is one of `unescaped`.
    is_own: bool,
}

/// The fields of a record.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    places: &'a Places,
}

impl<'a> Fields<'a> {
    /// Field `at`, without its quotes.
    pub fn get(&self, at: usize) -> Option<&'a [u8]> {
        let span = self.places.spans.get(at)?;
        let within = if span.is_own {
            &self.places.unescaped
        } else {
            self.bytes
        };
        within.get(span.start as usize..span.end as usize)
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.places.spans.len()).map_while(move |at| self.get(at))
    }
}

impl Places {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The fields in the bytes that were split.
    pub fn of<'a>(&'a self, bytes: &'a [u8]) -> Fields<'a> {
        Fields {
            bytes,
            places: self,
        }
    }

    /// Splits the record that `bytes` begin with; `over` says that nothing follows them.
    pub fn split(&mut self, bytes: &[u8], delimiter: u8, quote: Option<u8>, over: bool) -> Split {
        self.spans.clear();
        self.unescaped.clear();
        let (mut at, mut spanned) = (0, 0);
        loop {
            let quoted = quote.filter(|q| bytes.get(at) == Some(q));
            let next = match quoted {
                Some(quote) => match self.quoted(bytes, at + 1, quote, &mut spanned) {
                    Some(after) => after,
                    None => return Split::Part { quoted: true },
                },
                None => match find(bytes, at, delimiter, b'\n') {
                    Some(end) => {
                        let line_end =
                            usize::from(bytes[end] == b'\n' && bytes[at..end].ends_with(b"\r"));
                        self.add(at, end - line_end);
                        end
                    }
                    None if over => {
                        let text = bytes[at..].strip_suffix(b"\r").unwrap_or(&bytes[at..]);
                        self.add(at, at + text.len());
                        return whole(bytes.len(), spanned);
                    }
                    None => return Split::Part { quoted: false },
                },
            };
            match bytes.get(next..).unwrap_or_default() {
                [b'\n', ..] => return whole(next + 1, spanned),
                [b'\r', b'\n', ..] if quoted.is_some() => return whole(next + 2, spanned),
                [first, ..] if *first == delimiter => at = next + 1,
                [] | [b'\r'] if over => return whole(bytes.len(), spanned),
                [] | [b'\r'] => return Split::Part { quoted: false },
                _ => return Split::Garbled { spanned },
            }
        }
    }

    /// Takes in a quoted field that begins at `start`; gives the place after its closing quote,
    /// which must be near enough.
    fn quoted(
        &mut self,
        bytes: &[u8],
        start: usize,
        quote: u8,
        spanned: &mut usize,
    ) -> Option<usize> {
        let (mut from, mut own) = (start, None);
        let near = &bytes[..bytes.len().min(MOST_SPAN)];
        loop {
            let end = find(near, from, quote, quote)?;
            if bytes.get(end + 1) != Some(&quote) {
                let field = &bytes[start..end];
                *spanned += field.iter().filter(|b| **b == b'\n').count();
                match own {
                    None => self.add(start, end),
                    Some(begun) => {
                        self.unescaped.extend_from_slice(&bytes[from..end]);
                        self.spans.push(Span {
                            start: begun,
                            end: self.unescaped.len() as u32,
                            is_own: true,
                        });
                    }
                }
                return Some(end + 1);
            }
            own = own.or(Some(self.unescaped.len() as u32));
            self.unescaped.extend_from_slice(&bytes[from..=end]);
            from = end + 2;
        }
    }

    fn add(&mut self, start: usize, end: usize) {
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
            is_own: false,
        });
    }
}

fn whole(bytes: usize, spanned: usize) -> Split {
    Split::Whole { bytes, spanned }
}

/// The first place from `from` on with one of two bytes; eight bytes are looked at at a time.
pub fn find(bytes: &[u8], from: usize, one: u8, other: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The lowest set bit is right even where a borrow sets higher ones (Mycroft's test for zero).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (ones, others) = (ONES * u64::from(one), ONES * u64::from(other));
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let found = zeros(word ^ ones) | zeros(word ^ others);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let place = rest.iter().position(|b| *b == one || *b == other)?;
    Some(at + place)
}
