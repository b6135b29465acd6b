//! Vectors with their length before them (RFC 8446 section 3.4), as they are written.

/// Appends what `write` writes, with its length in so many bytes before it. What we write is shorter than any such length.
pub(crate) fn vector(out: &mut Vec<u8>, length_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.resize(start + length_bytes, 0);
    write(out);
    let length = (out.len() - start - length_bytes).to_be_bytes();
    out[start..start + length_bytes].copy_from_slice(&length[length.len() - length_bytes..]);
}

/// The last three bytes of a number.
pub(crate) fn u24(value: usize) -> [u8; 3] {
    let [.., high, middle, low] = value.to_be_bytes();
    [high, middle, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_their_length_before_them() {
        let mut out = vec![9];
        vector(&mut out, 2, |out| vector(out, 1, |out| out.extend([7, 8])));
        assert_eq!(out, [9, 0, 3, 2, 7, 8]);
        assert_eq!(u24(0x0102_0304), [2, 3, 4]);
    }
}
