//! Symbols as dark and light modules, and as SVG and PNG.

use std::fmt::Write as _;

use datamatrix::{DataMatrix, SymbolList};
use qrcode::{Color, EcLevel, QrCode};

use super::{CodeError, is_digits};

/// A symbol: rows of modules, without its quiet zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Symbol {
    width: usize,
    dark: Vec<bool>,
    /// Light modules that must surround it.
    quiet: usize,
}

/// Rows of modules in a linear symbol: what a scanner's line may slip.
const BAR_HEIGHT: usize = 40;

impl Symbol {
    /// A GS1 Data Matrix (ISO/IEC 16022, ECC 200, FNC1 first).
    ///
    /// # Errors
    /// [`CodeError::Symbol`] when it does not fit.
    pub fn gs1_data_matrix(elements: &str) -> Result<Self, CodeError> {
        let symbol = DataMatrix::encode_gs1(elements.as_bytes(), SymbolList::default())
            .map_err(|_| CodeError::Symbol)?;
        let bitmap = symbol.bitmap();
        Ok(Self {
            width: bitmap.width(),
            dark: bitmap.bits().to_vec(),
            quiet: 1,
        })
    }

    /// A QR code (ISO/IEC 18004) that survives 15 % of damage.
    ///
    /// # Errors
    /// [`CodeError::Symbol`] when it does not fit.
    pub fn qr(text: &str) -> Result<Self, CodeError> {
        let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M)
            .map_err(|_| CodeError::Symbol)?;
        let dark = code.to_colors().into_iter();
        Ok(Self {
            width: code.width(),
            dark: dark.map(|color| color == Color::Dark).collect(),
            quiet: 4,
        })
    }

    /// Code 128 (ISO/IEC 15417), set C: an even number of digits.
    ///
    /// # Errors
    /// [`CodeError::Symbol`] for anything else.
    pub fn code_128_c(digits: &str) -> Result<Self, CodeError> {
        if !is_digits(digits) || !digits.len().is_multiple_of(2) {
            return Err(CodeError::Symbol);
        }
        let code = barcoders::sym::code128::Code128::new(format!("\u{0106}{digits}"))
            .map_err(|_| CodeError::Symbol)?;
        let row: Vec<bool> = code.encode().into_iter().map(|bar| bar == 1).collect();
        Ok(Self {
            width: row.len(),
            dark: row.repeat(BAR_HEIGHT),
            quiet: 10,
        })
    }

    /// Modules in a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Whether each module is dark, row by row.
    #[must_use]
    pub fn modules(&self) -> &[bool] {
        &self.dark
    }

    fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.dark.chunks(self.width.max(1))
    }

    fn size(&self) -> (usize, usize) {
        let height = self.dark.len() / self.width.max(1);
        (self.width + 2 * self.quiet, height + 2 * self.quiet)
    }

    /// An SVG drawing, one unit for a module, quiet zone included.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (width, height) = self.size();
        let mut path = String::new();
        for (y, row) in self.rows().enumerate() {
            let mut x = 0;
            while x < row.len() {
                let run = row.iter().skip(x).take_while(|dark| **dark).count();
                if run > 0 {
                    let (left, top) = (x + self.quiet, y + self.quiet);
                    let _ = write!(path, "M{left} {top}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\">\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>\n"
        )
    }

    /// A PNG with `scale` pixels for a module, quiet zone included.
    ///
    /// # Errors
    /// [`CodeError::Symbol`] when the picture would be too large.
    pub fn to_png(&self, scale: usize) -> Result<Vec<u8>, CodeError> {
        let (columns, rows) = self.size();
        let (width, height) = (columns * scale, rows * scale);
        let mut pixels = vec![0xff_u8; width * height];
        for (index, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (index % width.max(1) / scale, index / width.max(1) / scale);
            let module = x
                .checked_sub(self.quiet)
                .zip(y.checked_sub(self.quiet))
                .filter(|(x, _)| *x < self.width)
                .and_then(|(x, y)| self.dark.get(y * self.width + x));
            if module == Some(&true) {
                *pixel = 0;
            }
        }
        let size = |pixels: usize| u32::try_from(pixels).map_err(|_| CodeError::Symbol);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, size(width)?, size(height)?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(|_| CodeError::Symbol)?;
        writer
            .write_image_data(&pixels)
            .map_err(|_| CodeError::Symbol)?;
        drop(writer);
        Ok(bytes)
    }
}

/// A symbol may hold a secret.
impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (width, height) = self.size();
        write!(f, "Symbol({width} x {height})")
    }
}
