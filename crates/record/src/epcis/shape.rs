//! What members an object may and must have (EPCIS 2.0, sections 7.3 and 7.4).

use super::vocabulary::List;

/// What a member holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A number above 0.
    Quantity,
    /// True or false.
    Bool,
    /// Hex digits.
    Hex,
    /// RFC 3339 with an offset.
    Time,
    /// `+hh:mm` or `-hh:mm`.
    Offset,
    /// An absolute address.
    Uri,
    /// An object's identifier.
    Instance,
    /// A class's identifier.
    Class,
    /// `ADD`, `OBSERVE` or `DELETE`.
    Action,
    /// A unit of UN/CEFACT Recommendation 20.
    Unit,
    /// A word of the vocabulary, or somebody else's address for one.
    Word(List),
    /// The version of the standard.
    Version,
    /// An absolute address, or the name of a blank node.
    Node,
    /// An object.
    Object(&'static Shape),
    /// A list of one or more.
    List(&'static Kind),
    /// Extension members only.
    Extensions,
    /// Addresses, or objects of `gs1:CertificationDetails`.
    Certification,
    /// The `@context`.
    Context,
    /// Anything.
    Any,
}

/// A member.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// An object's members, and groups of which at least one must be there.
pub(super) struct Shape {
    pub(super) fields: &'static [Field],
    pub(super) one_of: &'static [&'static [&'static str]],
    /// Members of several shapes, looked up after its own.
    pub(super) shared: &'static [Field],
    /// Whether members with a prefix are allowed.
    pub(super) open: bool,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.fields.iter().map(|field| field.name);
        f.debug_list().entries(names).finish()
    }
}

impl Shape {
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.shared)
    }
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
    }
}

const fn may(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

const fn closed(fields: &'static [Field]) -> Shape {
    Shape {
        fields,
        one_of: &[],
        shared: &[],
        open: false,
    }
}

const fn event(fields: &'static [Field], one_of: &'static [&'static [&'static str]]) -> Shape {
    Shape {
        fields,
        one_of,
        shared: EVENT,
        open: true,
    }
}

const EPCS: Kind = Kind::List(&Kind::Instance);
const QUANTITIES: Kind = Kind::List(&Kind::Object(&QUANTITY));
const TRANSACTIONS: Kind = Kind::List(&Kind::Object(&BIZ_TRANSACTION));
const SOURCES: Kind = Kind::List(&Kind::Object(&SOURCE));
const DESTINATIONS: Kind = Kind::List(&Kind::Object(&DESTINATION));
const SENSOR_ELEMENTS: Kind = Kind::List(&Kind::Object(&SENSOR_ELEMENT));

/// Members of every event.
const EVENT: &[Field] = &[
    must("type", Kind::Text),
    may("@context", Kind::Context),
    must("eventTime", Kind::Time),
    must("eventTimeZoneOffset", Kind::Offset),
    may("recordTime", Kind::Time),
    may("eventID", Kind::Uri),
    may("certificationInfo", Kind::Certification),
    may("errorDeclaration", Kind::Object(&ERROR_DECLARATION)),
    may("bizStep", Kind::Word(List::BizStep)),
    may("disposition", Kind::Word(List::Disposition)),
    may("readPoint", Kind::Object(&PLACE)),
    may("bizLocation", Kind::Object(&PLACE)),
    may("sourceList", SOURCES),
    may("destinationList", DESTINATIONS),
    may("sensorElementList", SENSOR_ELEMENTS),
    may("bizTransactionList", TRANSACTIONS),
];

/// The shape of an event of that type.
pub(super) fn of(event_type: &str) -> Option<&'static Shape> {
    Some(match event_type {
        "ObjectEvent" => &OBJECT_EVENT,
        "AggregationEvent" => &AGGREGATION_EVENT,
        "TransactionEvent" => &TRANSACTION_EVENT,
        "TransformationEvent" => &TRANSFORMATION_EVENT,
        "AssociationEvent" => &ASSOCIATION_EVENT,
        _ => return None,
    })
}

/// 7.4.2.
static OBJECT_EVENT: Shape = event(
    &[
        must("action", Kind::Action),
        may("epcList", EPCS),
        may("quantityList", QUANTITIES),
        may("ilmd", Kind::Extensions),
        may("persistentDisposition", Kind::Object(&PERSISTENT)),
    ],
    &[&["epcList", "quantityList", "sensorElementList"]],
);

/// 7.4.3. `persistentDisposition` is for events that name one kind of objects only: those of
/// objects and of transformations (7.3.6.2.2). A parent is needed unless what is observed is taken
/// apart.
static AGGREGATION_EVENT: Shape = event(
    &[
        must("action", Kind::Action),
        may("parentID", Kind::Instance),
        may("childEPCs", EPCS),
        may("childQuantityList", QUANTITIES),
    ],
    &[&["parentID", "childEPCs", "childQuantityList"]],
);

/// 7.4.5.
static TRANSACTION_EVENT: Shape = event(
    &[
        must("action", Kind::Action),
        must("bizTransactionList", TRANSACTIONS),
        may("parentID", Kind::Instance),
        may("epcList", EPCS),
        may("quantityList", QUANTITIES),
    ],
    &[&["epcList", "quantityList", "parentID"]],
);

/// 7.4.6.
static TRANSFORMATION_EVENT: Shape = event(
    &[
        may("inputEPCList", EPCS),
        may("inputQuantityList", QUANTITIES),
        may("outputEPCList", EPCS),
        may("outputQuantityList", QUANTITIES),
        may("transformationID", Kind::Uri),
        may("ilmd", Kind::Extensions),
        may("persistentDisposition", Kind::Object(&PERSISTENT)),
    ],
    &[&[
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
    ]],
);

/// 7.4.7.
static ASSOCIATION_EVENT: Shape = event(
    &[
        must("action", Kind::Action),
        must("parentID", Kind::Instance),
        may("childEPCs", EPCS),
        may("childQuantityList", QUANTITIES),
    ],
    &[],
);

static QUANTITY: Shape = closed(&[
    must("epcClass", Kind::Class),
    may("quantity", Kind::Quantity),
    may("uom", Kind::Unit),
]);

static BIZ_TRANSACTION: Shape = closed(&[
    may("type", Kind::Word(List::BizTransaction)),
    must("bizTransaction", Kind::Uri),
]);

static SOURCE: Shape = closed(&[
    must("type", Kind::Word(List::SourceDestination)),
    must("source", Kind::Uri),
]);

static DESTINATION: Shape = closed(&[
    must("type", Kind::Word(List::SourceDestination)),
    must("destination", Kind::Uri),
]);

static PLACE: Shape = Shape {
    open: true,
    ..closed(&[must("id", Kind::Uri)])
};

static PERSISTENT: Shape = Shape {
    one_of: &[&["set", "unset"]],
    ..closed(&[
        may("set", Kind::List(&Kind::Word(List::Disposition))),
        may("unset", Kind::List(&Kind::Word(List::Disposition))),
    ])
};

static ERROR_DECLARATION: Shape = Shape {
    open: true,
    ..closed(&[
        must("declarationTime", Kind::Time),
        may("reason", Kind::Word(List::ErrorReason)),
        may("correctiveEventIDs", Kind::List(&Kind::Uri)),
    ])
};

static SENSOR_ELEMENT: Shape = Shape {
    open: true,
    ..closed(&[
        may("sensorMetadata", Kind::Object(&SENSOR_METADATA)),
        must("sensorReport", Kind::List(&Kind::Object(&SENSOR_REPORT))),
    ])
};

static SENSOR_METADATA: Shape = Shape {
    open: true,
    ..closed(&[
        may("time", Kind::Time),
        may("startTime", Kind::Time),
        may("endTime", Kind::Time),
        may("deviceID", Kind::Uri),
        may("deviceMetadata", Kind::Uri),
        may("rawData", Kind::Uri),
        may("dataProcessingMethod", Kind::Uri),
        may("bizRules", Kind::Uri),
    ])
};

static SENSOR_REPORT: Shape = Shape {
    open: true,
    ..closed(&[
        may("type", Kind::Word(List::Measurement)),
        may("exception", Kind::Word(List::Alert)),
        may("deviceID", Kind::Uri),
        may("deviceMetadata", Kind::Uri),
        may("rawData", Kind::Uri),
        may("dataProcessingMethod", Kind::Uri),
        may("bizRules", Kind::Uri),
        may("time", Kind::Time),
        may("microorganism", Kind::Uri),
        may("chemicalSubstance", Kind::Uri),
        may("coordinateReferenceSystem", Kind::Uri),
        may("value", Kind::Number),
        may("component", Kind::Word(List::Component)),
        may("stringValue", Kind::Text),
        may("booleanValue", Kind::Bool),
        may("hexBinaryValue", Kind::Hex),
        may("uriValue", Kind::Uri),
        may("minValue", Kind::Number),
        may("maxValue", Kind::Number),
        may("meanValue", Kind::Number),
        may("sDev", Kind::Number),
        may("percRank", Kind::Number),
        may("percValue", Kind::Number),
        may("uom", Kind::Unit),
    ])
};

/// A document's members beside its body.
const DOCUMENT: &[Field] = &[
    must("@context", Kind::Context),
    may("id", Kind::Node),
    must("type", Kind::Text),
    must("schemaVersion", Kind::Version),
    must("creationDate", Kind::Time),
    may("sender", Kind::Uri),
    may("receiver", Kind::Uri),
    may("instanceIdentifier", Kind::Text),
    may("epcisHeader", Kind::Any),
];

/// 10.2: what is captured.
pub(super) static CAPTURE: Shape = Shape {
    shared: DOCUMENT,
    open: true,
    ..closed(&[must("epcisBody", Kind::Object(&CAPTURE_BODY))])
};

static CAPTURE_BODY: Shape = closed(&[must("eventList", Kind::Any)]);

/// 10.3: what a query answers.
pub(super) static ANSWER: Shape = Shape {
    shared: DOCUMENT,
    open: true,
    ..closed(&[must("epcisBody", Kind::Object(&ANSWER_BODY))])
};

static ANSWER_BODY: Shape = closed(&[must("queryResults", Kind::Object(&RESULTS))]);

static RESULTS: Shape = closed(&[
    may("subscriptionID", Kind::Text),
    must("queryName", Kind::Text),
    must("resultsBody", Kind::Object(&CAPTURE_BODY)),
]);
