/// What LaTeX commands are, as far as the tokenizer must know.
enum CommandNames {
    /// Commands that change the look or the spacing only.
    static let ignored: Set<String> = [
        "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "bigm",
        "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "quad", "qquad", "limits", "nolimits",
        "mathstrut", "mathbf", "boldsymbol", "bm", "mathit", "mathsf", "mathcal", "mathscr", "mathfrak", "bold", "bf",
        "it", "rm", "boxed", "fbox", "framebox", "mathop", "thinspace", "medspace", "thickspace", "enspace",
        "centering",
        "large", "Large", "small", "normalsize", "hline", "mathrel", "mathbin", "mathord", "middle", "rmfamily",
        "nonumber",
        "notag",
    ]

    /// Commands that vanish with the group after them.
    static let vanishing: Set<String> = [
        "phantom", "hphantom", "vphantom", "color", "hspace", "vspace", "label", "tag", "textcolor", "kern", "hskip",
    ]

    /// Commands whose group is words.
    static let text: Set<String> = [
        "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "textsc", "mbox", "hbox", "mathrm",
        "emph",
        "underline",
    ]

    /// Other spellings of a command.
    static let synonyms: [String: String] = [
        "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "leq": "le",
        "leqslant": "le", "geq": "ge", "geqslant": "ge", "lt": "<", "gt": ">", "neq": "ne", "cdotp": "cdot",
        "bullet": "cdot", "ast": "cdot", "vert": "|", "mid": "|", "lvert": "left|", "rvert": "right|", "bmod": "mod",
        "varnothing": "emptyset", "lbrace": "{", "rbrace": "}", "land": "and", "lor": "or", "wedge": "and", "vee": "or",
        "lbrack": "[", "rbrack": "]", "degree": "circ", "degrees": "circ", "exponentialE": "e", "imaginaryI": "i",
        "imaginaryJ": "i", "colon": ":", "ratio": ":", "rarr": "to", "rightarrow": "to", "approxeq": "approx",
        "simeq": "approx", "thickapprox": "approx", "smallsetminus": "setminus", "backslash": "setminus",
        "cosec": "csc", "lg": "log10", "tg": "tan", "ctg": "cot", "arctg": "arctan", "Re": "re", "Im": "im",
        "sgn": "sign", "lang": "langle", "rang": "rangle", "ne": "ne", "dots": "ldots", "cdots": "ldots",
        "overrightarrow": "vec",
        "bar": "overline", "widehat": "hat", "prime": "'", "tfrac12": "frac12", "nobreakspace": "quad",
        "infin": "infty",
    ]

    /// Greek letters: variables.
    static let letters: Set<String> = [
        "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
        "lambda", "mu", "nu", "xi", "rho", "varrho", "sigma", "varsigma", "tau", "upsilon", "phi", "varphi", "chi",
        "psi",
        "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
        "hbar",
        "square", "Box", "triangle", "top", "bot",
    ]

    /// Functions by every name they go by, in LaTeX and in plain text.
    static let functions: [String: Expression.Operation] = {
        var table: [String: Expression.Operation] = [:]
        for operation in Expression.Operation.allCases where ![.root, .binomial, .factorial, .mod].contains(operation) {
            table[operation.rawValue] = operation
        }
        for (name, operation) in [
            ("asin", .arcsin), ("acos", .arccos), ("atan", .arctan), ("acot", .arccot), ("asec", .arcsec),
            ("acsc", .arccsc), ("arcsinh", .arsinh), ("arccosh", .arcosh), ("arctanh", .artanh), ("asinh", .arsinh),
            ("acosh", .arcosh), ("atanh", .artanh), ("ln", .log), ("log10", .log), ("ceiling", .ceil),
        ] as [(String, Expression.Operation)] { table[name] = operation }
        table["re"] = nil
        table["im"] = nil
        table["sign"] = nil
        table["conjugate"] = nil
        return table
    }()

    /// Words in plain text that are not products of letters.
    static let plainWords: Set<String> = Set(functions.keys).union([
        "sqrt", "cbrt", "pi", "infinity", "inf", "or", "and", "mod", "percent", "percentage", "pct", "choose", "nan",
        "is",
        "to", "not", "in", "if", "no", "oo", "for", "the", "yes", "are", "all", "one", "two", "six", "ten", "odd",
        "even", "so",
        "we", "of", "get", "has", "was", "let", "but", "you", "can", "its", "now", "our", "any", "how", "why", "who",
        "say",
    ])
}
