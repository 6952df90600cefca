//! Deltas of a pack, and the numbers in packs and indexes: `gitformat-pack`.

use super::objects::too_large;
use crate::query::QueryError;

pub(super) fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, after) = rest.split_first()?;
    *rest = after;
    Some(*byte)
}

/// A number of 7 bits a byte, the lowest first.
pub(super) fn little(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let next = byte(rest)?;
        number |= u64::from(next & 0x7F) << shift;
        if next & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A number of 7 bits a byte, the highest first, without spellings that mean
/// the same: how far back a base is, and what an index entry cuts off.
pub(super) fn distance(rest: &mut &[u8]) -> Option<u64> {
    let mut next = byte(rest)?;
    let mut number = u64::from(next & 0x7F);
    while next & 0x80 != 0 {
        next = byte(rest)?;
        number = number.checked_add(1)?.checked_mul(128)? | u64::from(next & 0x7F);
    }
    Some(number)
}

/// What `delta` makes of `base`; `None` if it is damaged.
pub(super) fn patched<'a>(
    base: &'a [u8],
    mut delta: &'a [u8],
    max: u64,
) -> Result<Option<Vec<u8>>, QueryError> {
    let delta = &mut delta;
    let (Some(from), Some(to)) = (little(delta), little(delta)) else {
        return Ok(None);
    };
    if to > max {
        return Err(too_large(max));
    }
    if from != base.len() as u64 {
        return Ok(None);
    }
    let mut made = Vec::new();
    while !delta.is_empty() {
        let Some(part) = part(base, delta) else {
            return Ok(None);
        };
        if (made.len() + part.len()) as u64 > to {
            return Ok(None);
        }
        made.extend_from_slice(part);
    }
    Ok((made.len() as u64 == to).then_some(made))
}

/// The bytes that the next instruction of a delta adds.
fn part<'a>(base: &'a [u8], delta: &mut &'a [u8]) -> Option<&'a [u8]> {
    let instruction = byte(delta)?;
    if instruction & 0x80 == 0 {
        // As many bytes of its own; 0 is reserved.
        let count = usize::from(instruction);
        let (part, after) = delta.split_at_checked(count)?;
        *delta = after;
        return (count > 0).then_some(part);
    }
    let mut number = |bits: std::ops::Range<u8>| {
        let mut number = 0_usize;
        for (place, bit) in bits.enumerate() {
            if instruction & (1 << bit) != 0 {
                number |= usize::from(byte(delta)?) << (8 * place);
            }
        }
        Some(number)
    };
    let start = number(0..4)?;
    let count = match number(4..7)? {
        0 => 0x1_0000,
        count => count,
    };
    base.get(start..start.checked_add(count)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_delta_copies_and_adds() {
        let base = b"0123456789";
        // 10 bytes become 7: three from place 4, two of its own, two from 0.
        let delta = [10, 7, 0x91, 4, 3, 2, b'a', b'b', 0x90, 2];
        let made = patched(base, &delta, 7).unwrap().unwrap();
        assert_eq!(made, b"456ab01");
        assert!(patched(base, &delta, 6).is_err());
        for end in 0..delta.len() {
            assert_eq!(patched(base, &delta[..end], 7).unwrap(), None, "{end}");
        }
        assert_eq!(patched(b"012345678", &delta, 7).unwrap(), None);
    }

    #[test]
    fn numbers_are_read_as_git_writes_them() {
        assert_eq!(little(&mut &[0xE5, 0x8E, 0x26][..]), Some(624_485));
        assert_eq!(distance(&mut &[0x80, 0x00][..]), Some(128));
        assert_eq!(distance(&mut &[0x7F][..]), Some(127));
        assert_eq!(distance(&mut &[0xFF; 40][..]), None);
        assert_eq!(little(&mut &[0xFF; 40][..]), None);
        assert_eq!(little(&mut &[][..]), None);
    }

    proptest! {
        #[test]
        fn any_delta_gives_what_it_says_or_nothing(
            base in prop::collection::vec(any::<u8>(), 0..40),
            to in 0..60_u8,
            delta in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let from = u8::try_from(base.len()).unwrap();
            let delta = [&[from, to], delta.as_slice()].concat();
            if let Some(made) = patched(&base, &delta, 59).unwrap() {
                prop_assert_eq!(made.len(), usize::from(to));
            }
        }
    }
}
