//! The form of the table: one macro, one row for each call.

/// Makes a contract out of its table: a type for each call, the contract's trait, and `register`,
/// which tells a [`Registry`](crate::call::Registry) of each.
///
/// ```text
/// /// What the contract is about.
/// contract NameContract "name" {
///     /// What the call does.
///     method: Type(Body) -> Answer as Json, post "path"
///         { body: BYTES, answer: BYTES, caller: Anybody, work: Light, at_once: 64 };
///     method: Type { parameter: Id } -> Answer as Json, get "path/{parameter}"
///         { body: 0, answer: BYTES, caller: Anybody, work: Light, at_once: 64 };
/// }
/// ```
/// A call has a body (in parentheses) or parameters (in braces). A parameter that the path has no
/// place for stands in the query. Any crate can have a table of its own.
#[macro_export]
macro_rules! calls {
    (
        $(#[doc = $about:literal])*
        contract $contract:ident $title:literal {
            $(
                $(#[doc = $summary:literal])+
                $method:ident: $call:ident $shape:tt -> $answer:ty as $encoding:ident,
                    $verb:ident $path:literal
                    { body: $body:expr, answer: $max:expr, caller: $caller:ident,
                      work: $work:ident, at_once: $at_once:expr $(,)? };
            )*
        }
    ) => {
        $(
            $crate::call_type!($(#[doc = $summary])+ $call $shape);

            impl $crate::call::Call for $call {
                type Answer = $answer;
                type Encoding = $crate::call::$encoding;
                const ROW: $crate::call::Row = $crate::call::Row {
                    contract: $title,
                    name: stringify!($method),
                    summary: concat!($($summary),+),
                    method: $crate::call_method!($verb),
                    path: $path,
                    parameters: Self::PARAMETERS,
                    body: Self::BODY,
                    body_max: $body,
                    answer_max: $max,
                    caller: $crate::call::Caller::$caller,
                    work: $crate::call::Work::$work,
                    at_once: $at_once,
                };

                $crate::call_parts!($shape);
            }

            impl<S: $contract> $crate::call::ServedBy<S> for $call {
                fn serve(
                    self,
                    service: &S,
                ) -> impl Future<Output = $crate::call::Answered<Self>> + Send {
                    $contract::$method(service, self)
                }
            }
        )*

        $(#[doc = $about])*
        pub trait $contract: Send + Sync + 'static {
            $(
                $(#[doc = $summary])+
                fn $method(
                    &self,
                    call: $call,
                ) -> impl Future<Output = $crate::call::Answered<$call>> + Send;
            )*
        }

        /// Tells `registry` of every call of this contract.
        pub fn register<S: $contract>(registry: &mut impl $crate::call::Registry<S>) {
            $(registry.register::<$call>();)*
        }
    };
}

/// The type of a call, and what it is made of.
#[doc(hidden)]
#[macro_export]
macro_rules! call_type {
    ($(#[$doc:meta])+ $call:ident ($body:ty)) => {
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $call(pub $body);

        impl $call {
            const PARAMETERS: &'static [$crate::call::ParameterRow] = &[];
            const BODY: Option<&'static str> = Some(stringify!($body));
        }
    };
    ($(#[$doc:meta])+ $call:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "a parameter is named by its type")]
        pub struct $call { $(pub $field: $kind),* }

        impl $call {
            const PARAMETERS: &'static [$crate::call::ParameterRow] = &[$(
                $crate::call::ParameterRow {
                    name: stringify!($field),
                    kind: <$kind as $crate::call::Parameter>::KIND,
                    default: <$kind as $crate::call::Parameter>::DEFAULT,
                }
            ),*];
            const BODY: Option<&'static str> = None;
        }
    };
}

/// How a call is taken apart and read.
#[doc(hidden)]
#[macro_export]
macro_rules! call_parts {
    (($body:ty)) => {
        fn parameters(&self) -> Vec<String> {
            Vec::new()
        }

        fn body(&self) -> Option<Vec<u8>> {
            Some($crate::codec::Encode::to_vec(&self.0))
        }

        fn read(
            _: &$crate::call::Parameters,
            body: &[u8],
        ) -> Result<Self, $crate::call::CallError> {
            Ok(Self($crate::codec::Decode::from_slice(body)?))
        }
    };
    ({ $($field:ident: $kind:ty),* $(,)? }) => {
        fn parameters(&self) -> Vec<String> {
            vec![$($crate::call::Parameter::to_text(&self.$field)),*]
        }

        fn body(&self) -> Option<Vec<u8>> {
            None
        }

        fn read(
            #[allow(unused_variables, reason = "a call may have none")]
            parameters: &$crate::call::Parameters,
            _: &[u8],
        ) -> Result<Self, $crate::call::CallError> {
            Ok(Self { $($field: parameters.read(stringify!($field))?),* })
        }
    };
}

/// The method that a row names.
#[doc(hidden)]
#[macro_export]
macro_rules! call_method {
    (get) => {
        $crate::call::Method::Get
    };
    (post) => {
        $crate::call::Method::Post
    };
}
