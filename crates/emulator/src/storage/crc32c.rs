//! CRC-32C (Castagnoli), the checksum that every object has: eight bytes at a time, by tables.

/// The polynomial, with its bits in the order in which they are sent.
const POLYNOMIAL: u32 = 0x82F6_3B78;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][(before & 0xFF) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// The checksum of some bytes behind those whose checksum is given; 0 is that of none.
pub(super) fn update(sum: u32, bytes: &[u8]) -> u32 {
    let mut sum = !sum;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let [a, b, c, d, e, f, g, h] = *word;
        let [s0, s1, s2, s3] = (sum ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
        let at = |table: usize, byte: u8| TABLES[table][usize::from(byte)];
        sum = at(7, s0) ^ at(6, s1) ^ at(5, s2) ^ at(4, s3) ^ at(3, e) ^ at(2, f) ^ at(1, g) ^ at(0, h);
    }
    for byte in rest {
        sum = sum >> 8 ^ TABLES[0][usize::from(sum as u8 ^ byte)];
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 3720, B.4, and of the check value of the algorithm.
    #[test]
    fn known_checksums() {
        assert_eq!(update(0, b"123456789"), 0xE306_9283);
        assert_eq!(update(0, &[0; 32]), 0x8A91_36AA);
        assert_eq!(update(0, &[0xFF; 32]), 0x62A8_AB43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(update(0, &rising), 0x46DD_794E);
        assert_eq!(update(update(0, &rising[..13]), &rising[13..]), 0x46DD_794E);
        assert_eq!(update(0, b""), 0);
    }
}
