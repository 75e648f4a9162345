//! Codes on packs: every form read back, misreads found, symbols decoded by other software.

use proptest::prelude::*;
use yilian_record::gs1::{
    Code20, CodeError, Expiry, Gtin, Identity, Link, NationalCode, PackCode, PackSecret, Sscc,
    Symbol, elements,
};

fn pack() -> PackCode {
    let identity = Identity::Gs1 {
        gtin: Gtin::parse("09521141012345").unwrap(),
        serial: Code20::parse("A/7:x_%2", "serial number").unwrap(),
        batch: Code20::parse("LOT-(9)", "batch").unwrap(),
        expiry: Expiry::parse("280229", 2026).unwrap(),
    };
    PackCode::new(identity, PackSecret::random(&mut rand::rng()))
}

fn carton() -> PackCode {
    let sscc = Sscc::parse("040123450000003338").unwrap();
    PackCode::new(
        Identity::Container { sscc },
        PackSecret::random(&mut rand::rng()),
    )
}

fn national() -> PackCode {
    let code = NationalCode::complete("8123456000000000001").unwrap();
    PackCode::new(
        Identity::National { code },
        PackSecret::random(&mut rand::rng()),
    )
}

#[test]
fn every_form_reads_back_as_the_same_code() {
    for code in [pack(), carton(), national()] {
        assert_eq!(PackCode::parse(&code.to_text(), 2026).unwrap(), code);
        let scanned = format!("]d2{}", *code.to_text());
        if !matches!(code.identity(), Identity::National { .. }) {
            assert_eq!(PackCode::parse(&scanned, 2026).unwrap(), code);
            assert_eq!(
                PackCode::parse(&code.to_link().unwrap(), 2026).unwrap(),
                code
            );
        }
    }
}

#[test]
fn the_secret_is_in_the_fragment_of_a_link_and_nowhere_in_debug_output() {
    let code = pack();
    let link = code.to_link().unwrap();
    let (sent, fragment) = link.split_once('#').unwrap();
    let secret = fragment.strip_prefix("99=").unwrap();
    assert_eq!(secret.len(), 22);
    assert!(!sent.contains(secret));
    assert!(!format!("{code:?}").contains(secret));
}

/// Known values: GS1 General Specifications 7.9 (GTIN, SSCC), ISO/IEC 7064 (794 -> 0794 has check
/// digit 5).
#[test]
fn check_digits_are_those_of_the_standards() {
    assert!(Gtin::parse("06291041500213").is_ok());
    assert!(Gtin::parse_any("6291041500213").is_ok());
    assert!(Sscc::parse("106141411234567897").is_ok());
    // MOD 11,10 of 0794 is 5 (ISO/IEC 7064, example); leading zeros before it change nothing but
    // the state, so it is computed here anew.
    let by_definition = |digits: &str| {
        let mut product = 10;
        for digit in digits.chars().filter_map(|c| c.to_digit(10)) {
            let sum = match (product + digit) % 10 {
                0 => 10,
                sum => sum,
            };
            product = 2 * sum % 11;
        }
        (11 - product) % 10
    };
    assert_eq!(by_definition("0794"), 5);
    let body = "8123456000000000001";
    let code = NationalCode::complete(body).unwrap();
    assert!(code.as_str().ends_with(&by_definition(body).to_string()));
    assert_eq!(code.product(), "8123456");
}

#[test]
fn every_misread_digit_is_found() {
    for code in ["09521141012345", "06291041500213"] {
        for at in 0..code.len() {
            for digit in '0'..='9' {
                let mut other: Vec<char> = code.chars().collect();
                other[at] = digit;
                let other: String = other.into_iter().collect();
                assert_eq!(Gtin::parse(&other).is_ok(), other == code);
            }
        }
    }
    let code = NationalCode::complete("8123456000000000001").unwrap();
    for at in 0..NationalCode::DIGITS {
        for digit in '0'..='9' {
            let mut other: Vec<char> = code.as_str().chars().collect();
            other[at] = digit;
            let other: String = other.into_iter().collect();
            assert_eq!(NationalCode::parse(&other).is_ok(), other == code.as_str());
        }
    }
}

#[test]
fn bad_codes_are_refused_with_their_reason() {
    let cases: &[(&str, CodeError)] = &[
        ("", CodeError::Missing { what: "secret" }),
        ("0109521141012346", CodeError::CheckDigit { what: "GTIN" }),
        (
            "0109521141",
            CodeError::Digits {
                what: "GTIN",
                digits: 14,
            },
        ),
        (
            "(01)09521141012345(17)270230",
            CodeError::Date {
                what: "expiry date",
            },
        ),
        (
            "(01)09521141012345(17)271301",
            CodeError::Date {
                what: "expiry date",
            },
        ),
        (
            "(01)09521141012345(01)09521141012345",
            CodeError::Missing { what: "secret" },
        ),
        (
            "(01)09521141012345(10)A(10)B",
            CodeError::Twice { ai: "10".into() },
        ),
        (
            "(01)09521141012345(77)1",
            CodeError::Identifier { ai: "77".into() },
        ),
        (
            "01095211410123455512",
            CodeError::Identifier { ai: "55".into() },
        ),
        (
            "(01)09521141012345(21)123456789012345678901",
            CodeError::Characters {
                what: "serial number",
                max: 20,
            },
        ),
        (
            "(01)09521141012345(21)a b",
            CodeError::Characters {
                what: "serial number",
                max: 20,
            },
        ),
        (
            "(01)09521141012345(17)280229(10)B(21)A(99)AAAAAAAAAAAAAAAAAAAAA",
            CodeError::Missing { what: "secret" },
        ),
        (
            "(01)09521141012345(17)280229(21)A(99)AAAAAAAAAAAAAAAAAAAAAA",
            CodeError::Missing { what: "batch" },
        ),
        (
            "https://id.gs1.org/01/09521141012345/10/B/21/A?17=280229",
            CodeError::Missing { what: "secret" },
        ),
        (
            "https://id.gs1.org/01/09521141012346/10/B/21/A?17=280229#99=x",
            CodeError::CheckDigit { what: "GTIN" },
        ),
        ("https://example.org/nothing", CodeError::NoKey),
        ("]E09521141012345", CodeError::Missing { what: "secret" }),
        ("]A0hello", CodeError::Symbology),
        ("]d1010952114101234510L7", CodeError::Symbology),
    ];
    for (text, expected) in cases {
        let error = PackCode::parse(text, 2026).unwrap_err();
        assert_eq!(error, *expected, "{text}");
    }
}

#[test]
fn element_strings_as_scanners_send_them() {
    let found = elements("]d20109521141012345172802291012345\u{1d}21A7").unwrap();
    let found: Vec<_> = found.iter().map(|e| (e.ai, e.value.as_str())).collect();
    assert_eq!(
        found,
        [
            ("01", "09521141012345"),
            ("17", "280229"),
            ("10", "12345"),
            ("21", "A7")
        ]
    );
    assert_eq!(
        Expiry::parse("280200", 2026).unwrap().to_string(),
        "2028-02-29"
    );
}

#[test]
fn links_tell_instances_from_classes() {
    let link = |text: &str| Link::parse_instance_or_class(text).unwrap().unwrap();
    assert!(link("https://id.gs1.org/01/09521141012345/21/2017").is_instance);
    assert!(!link("https://id.gs1.org/01/09521141012345/10/B").is_instance);
    assert!(link("https://brand.example/some/path/00/040123450000003338").is_instance);
    assert_eq!(
        Link::parse_instance_or_class("https://example.org/po/1"),
        Ok(None)
    );
}

/// Data Matrix and QR codes are read back by decoders that did not write them (QR) or share no code
/// with the encoder (Data Matrix).
#[test]
fn symbols_decode_to_the_code() {
    let code = pack();
    let [(_, matrix), (_, qr)] = &code.symbols().unwrap()[..] else {
        panic!("two symbols");
    };
    let decoded = datamatrix::DataMatrix::decode(matrix.modules(), matrix.width()).unwrap();
    let decoded = String::from_utf8(decoded).unwrap();
    assert_eq!(PackCode::parse(&decoded, 2026).unwrap(), code);

    let scale = 4;
    let side = (qr.width() + 8) * scale;
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let module = |at: usize| (at / scale).checked_sub(4).filter(|at| *at < qr.width());
        let dark = module(x).zip(module(y));
        match dark.is_some_and(|(x, y)| qr.modules()[y * qr.width() + x]) {
            true => 0,
            false => 255,
        }
    });
    let (_, text) = picture.detect_grids()[0].decode().unwrap();
    assert_eq!(PackCode::parse(&text, 2026).unwrap(), code);
}

/// ISO/IEC 15417: start C is 105, each pair of digits its value, the checksum is weighted modulo
/// 103, stop is 106; widths from the standard's table.
#[test]
fn code_128_c_has_the_widths_of_the_standard() {
    // 12 34: values 12 and 34, checksum (105 + 12 + 2 * 34) mod 103 = 82.
    let widths = ["211232", "112232", "131123", "121241", "2331112"];
    let mut expected = Vec::new();
    for pattern in widths {
        for (index, width) in pattern.bytes().enumerate() {
            expected.extend(std::iter::repeat_n(
                index % 2 == 0,
                usize::from(width - b'0'),
            ));
        }
    }
    let symbol = Symbol::code_128_c("1234").unwrap();
    assert_eq!(symbol.modules()[..symbol.width()], expected[..]);
    assert!(Symbol::code_128_c("123").is_err() && Symbol::code_128_c("12a4").is_err());
}

#[test]
fn drawings_are_well_formed() {
    for (_, symbol) in [pack(), carton(), national()]
        .iter()
        .flat_map(|code| code.symbols().unwrap())
    {
        let svg = symbol.to_svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        let png = symbol.to_png(3).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let dark = pixels.iter().filter(|pixel| **pixel == 0).count();
        let modules = symbol.modules().iter().filter(|dark| **dark).count();
        assert_eq!(dark, 9 * modules);
        assert_eq!(info.width as usize % 3, 0);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,120}") {
        let _ = PackCode::parse(&text, 2026);
        let _ = elements(&text);
        let _ = Link::parse_instance_or_class(&text);
    }

    #[test]
    fn no_link_makes_the_reader_panic(tail in "[0-9/%?&=#A-Fa-z:.]{0,80}") {
        let _ = PackCode::parse(&format!("https://id.gs1.org/{tail}"), 2026);
    }

    #[test]
    fn serials_and_batches_of_the_whole_character_set_survive(
        serial in "[!\"%&'()*+,./0-9:;<=>?A-Z_a-z-]{1,20}",
        batch in "[!\"%&'()*+,./0-9:;<=>?A-Z_a-z-]{1,20}",
        secret in any::<u128>(),
    ) {
        struct Fixed(u128);
        impl rand_core::TryRng for Fixed {
            type Error = std::convert::Infallible;
            fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(self.0 as u32) }
            fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(self.0 as u64) }
            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
                bytes.copy_from_slice(&self.0.to_be_bytes());
                Ok(())
            }
        }
        impl rand_core::TryCryptoRng for Fixed {}
        let identity = Identity::Gs1 {
            gtin: Gtin::parse("09521141012345").unwrap(),
            serial: Code20::parse(&serial, "serial number").unwrap(),
            batch: Code20::parse(&batch, "batch").unwrap(),
            expiry: Expiry::parse("751231", 2026).unwrap(),
        };
        let code = PackCode::new(identity, PackSecret::random(&mut Fixed(secret)));
        prop_assert_eq!(&PackCode::parse(&code.to_text(), 2026).unwrap(), &code);
        prop_assert_eq!(&PackCode::parse(&code.to_link().unwrap(), 2026).unwrap(), &code);
        let national = PackCode::new(
            Identity::National { code: NationalCode::complete("8123456000000000001").unwrap() },
            PackSecret::random(&mut Fixed(secret)),
        );
        prop_assert_eq!(&PackCode::parse(&national.to_text(), 2026).unwrap(), &national);
    }
}
