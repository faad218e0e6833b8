/// How unicode signs are spelled in LaTeX or ASCII.
enum UnicodeSpelling {
    /// Appends the spelling of a character outside ASCII.
    static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        let value = scalar.value
        switch value {
        case 0xFF01...0xFF5E: bytes.append(UInt8(truncatingIfNeeded: value - 0xFF01 + 0x21))  // full-width ASCII
        case 0x1D7CE...0x1D7FF: bytes.append(UInt8(truncatingIfNeeded: 0x30 + (value - 0x1D7CE) % 10))
        case 0x1D400...0x1D6A3:  // bold, italic, script … letters
            let letter = (value - 0x1D400) % 52
            bytes.append(UInt8(truncatingIfNeeded: letter < 26 ? 0x41 + letter : 0x61 + letter - 26))
        case 0x2000...0x200A: bytes.append(0x20)
        default: bytes += (spellings[scalar] ?? String(scalar)).utf8
        }
    }

    /// Whether a character is worth a look at the table of superscripts and subscripts.
    static func mayBeScript(_ value: UInt32) -> Bool {
        (0xB2...0xB9).contains(value) || (0x1D62...0x209C).contains(value) || value == 0x2C7C || value == 0x2E3
    }

    /// Superscripts and subscripts: which, and what of.
    static let scripts: [Unicode.Scalar: (kind: UInt8, text: String)] = {
        var table: [Unicode.Scalar: (kind: UInt8, text: String)] = [:]
        for (kind, signs, plain) in [
            (UInt8(0x5E), "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix"), (0x5F, "₀₁₂₃₄₅₆₇₈₉₊₋ₙₖᵢⱼₓ", "0123456789+-nkijx"),
        ] {
            for (sign, text) in zip(signs.unicodeScalars, plain) { table[sign] = (kind, String(text)) }
        }
        return table
    }()

    private static let spellings: [Unicode.Scalar: String] = {
        var table: [Unicode.Scalar: String] = [
            "\u{2212}": "-", "\u{2013}": "-", "\u{FE63}": "-", "\u{2010}": "-", "\u{2011}": "-", "\u{2044}": "/",
            "\u{2215}": "/", "÷": "/", "×": "\\times ", "·": "\\cdot ", "\u{22C5}": "\\cdot ", "\u{2217}": "*",
            "\u{2219}": "\\cdot ", "\u{2062}": "", "\u{B0}": "^\\circ ", "\u{A0}": " ", "\u{202F}": " ",
            "\u{205F}": " ", "\u{3000}": " ", "\u{FEFF}": "", "\u{200B}": "", "\u{2060}": "", "\u{2061}": "",
            "\u{66B}": ".", "√": "\\radical ", "∛": "\\cuberadical ", "∞": "\\infty ", "±": "\\pm ", "∓": "\\mp ",
            "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "≡": "\\equiv ",
            "∈": "\\in ", "∪": "\\cup ", "∩": "\\cap ", "∖": "\\setminus ", "∅": "\\emptyset ", "ℝ": "\\mathbb{R} ",
            "ℤ": "\\mathbb{Z} ", "ℕ": "\\mathbb{N} ", "ℚ": "\\mathbb{Q} ", "ℂ": "\\mathbb{C} ", "∣": "|", "′": "'",
            "″": "''", "’": "'", "“": "\"", "”": "\"", "⌊": "\\lfloor ", "⌋": "\\rfloor ", "⌈": "\\lceil ",
            "⌉": "\\rceil ", "⟨": "\\langle ", "⟩": "\\rangle ", "…": "\\ldots ", "→": "\\to ", "∑": "\\sum ",
            "∏": "\\prod ", "∫": "\\int ", "∠": "\\angle ", "⇒": "\\Rightarrow ", "ℯ": "e", "ⅈ": "i", "€": "\\text{€}",
            "£": "\\text{£}", "¥": "\\text{¥}", "₹": "\\text{₹}", "¢": "\\text{¢}",
        ]
        for (sign, name) in [
            ("α", "alpha"), ("β", "beta"), ("γ", "gamma"), ("δ", "delta"), ("ε", "epsilon"), ("ζ", "zeta"),
            ("η", "eta"), ("θ", "theta"), ("ι", "iota"), ("κ", "kappa"), ("λ", "lambda"), ("μ", "mu"), ("µ", "mu"),
            ("ν", "nu"), ("ξ", "xi"), ("π", "pi"), ("ρ", "rho"), ("σ", "sigma"), ("τ", "tau"), ("υ", "upsilon"),
            ("φ", "varphi"), ("ϕ", "phi"), ("χ", "chi"), ("ψ", "psi"), ("ω", "omega"), ("Γ", "Gamma"),
            ("Δ", "Delta"), ("Θ", "Theta"), ("Λ", "Lambda"), ("Ξ", "Xi"), ("Π", "Pi"), ("Σ", "Sigma"),
            ("Φ", "Phi"), ("Ψ", "Psi"), ("Ω", "Omega"),
        ] as [(Unicode.Scalar, String)] { table[sign] = "\\\(name) " }
        for (sign, top, bottom) in [
            ("½", 1, 2), ("⅓", 1, 3), ("⅔", 2, 3), ("¼", 1, 4), ("¾", 3, 4), ("⅕", 1, 5), ("⅖", 2, 5), ("⅗", 3, 5),
            ("⅘", 4, 5), ("⅙", 1, 6), ("⅚", 5, 6), ("⅐", 1, 7), ("⅛", 1, 8), ("⅜", 3, 8), ("⅝", 5, 8), ("⅞", 7, 8),
            ("⅑", 1, 9), ("⅒", 1, 10),
        ] as [(Unicode.Scalar, Int, Int)] { table[sign] = "\\frac{\(top)}{\(bottom)}" }
        return table
    }()
}
