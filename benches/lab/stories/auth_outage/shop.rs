//! The shop of `auth-outage`: its endpoints with their weights, and the changes made that day.

use crate::traffic::Route;

/// Behind the auth middleware: the endpoints that fail.
pub const LOGIN: Route = Route::new("api", "POST", "/api/v1/login", 35, 60, 640);
pub const ME: Route = Route::new("api", "GET", "/api/v1/me", 65, 18, 910);
pub const ORDER: Route = Route::new("api", "POST", "/api/v1/orders", 11, 95, 480);
pub const ORDERS: Route = Route::new("api", "GET", "/api/v1/orders/{order}", 19, 30, 1800);

/// Public: the endpoints that stay well.
pub const PUBLIC: [Route; 14] = [
    Route::new("api", "GET", "/api/v1/products?page={page}", 22, 40, 8200),
    Route::new("api", "GET", "/api/v1/products/{product}", 34, 22, 2600),
    Route::new(
        "api",
        "GET",
        "/api/v1/products/{product}/reviews",
        12,
        28,
        4100,
    ),
    Route::new("api", "GET", "/api/v1/categories", 9, 8, 1500),
    Route::new(
        "api",
        "GET",
        "/api/v1/search?q={word}&page={page}",
        14,
        55,
        5200,
    ),
    Route::new(
        "api",
        "GET",
        "/api/v1/recommendations?for={product}&limit=8",
        12,
        70,
        3300,
    ),
    Route::new("api", "POST", "/api/v1/carts", 4, 25, 300),
    Route::new("api", "GET", "/api/v1/carts/{uuid}", 10, 20, 1200),
    Route::new("api", "POST", "/api/v1/carts/{uuid}/items", 9, 32, 700),
    Route::new(
        "api",
        "DELETE",
        "/api/v1/carts/{uuid}/items/{product}",
        2,
        24,
        0,
    ),
    Route::new(
        "api",
        "GET",
        "/api/v1/shipping/quotes?zip={zip}",
        5,
        110,
        420,
    ),
    Route::new("api", "GET", "/api/v1/stores/{store}", 3, 15, 800),
    Route::new(
        "api",
        "GET",
        "/api/v1/stores/{store}/stock/{product}",
        4,
        26,
        160,
    ),
    Route::new("api", "POST", "/api/v1/events", 12, 4, 0),
];

pub const PAGES: [Route; 5] = [
    Route::new("web", "GET", "/", 30, 12, 14_200),
    Route::new("web", "GET", "/p/{product}", 40, 20, 22_800),
    Route::new("web", "GET", "/account", 12, 16, 9100),
    Route::new("web", "GET", "/cart", 14, 15, 8700),
    Route::new("web", "GET", "/assets/app.3f9c1e.js", 35, 1, 184_000),
];

pub const QUERY: Route = Route::new("search", "GET", "/query?q={word}&size=24", 1, 18, 5100);
pub const CHARGE: Route = Route::new("billing", "POST", "/v1/charges", 3, 180, 520);
pub const INVOICE: Route = Route::new("billing", "GET", "/v1/invoices/{invoice}", 5, 35, 2900);
pub const METHODS: Route = Route::new("billing", "GET", "/v1/payment-methods", 4, 22, 760);

/// What bots try on `web`.
pub const PROBES: [&str; 4] = ["/wp-login.php", "/.env", "/robots.txt", "/.git/config"];

/// The change markers, as the deploy system exports them.
pub const MARKERS: &str = r#"[
  {"id": "m-77", "kind": "migration", "service": "billing", "at": "2024-04-10T07:40:00-07:00",
   "finished_at": "2024-04-10T07:46:30-07:00", "author": "p.okafor",
   "description": "invoices: index on customer and due date", "environment": "production"},
  {"id": "c-219", "kind": "config", "service": null, "at": "2024-04-10T08:25:00-07:00",
   "author": "netops", "description": "edge network: new routes between load balancers and API subnet",
   "environment": "production", "hosts": ["lb-1", "lb-2"]},
  {"id": "d-3102", "kind": "deploy", "service": "web", "version": "5.17.0", "previous_version": "5.16.4",
   "at": "2024-04-10T08:50:00-07:00", "finished_at": "2024-04-10T08:51:10-07:00", "author": "l.marin",
   "description": "product page: larger pictures", "commit": "b7710c2e", "environment": "production",
   "files": ["web/src/pages/product.tsx", "web/src/components/Gallery.tsx"]},
  {"id": "d-3104", "kind": "deploy", "service": "api", "version": "2.4.0", "previous_version": "2.3.9",
   "at": "2024-04-10T09:00:00-07:00", "finished_at": "2024-04-10T09:00:40-07:00", "author": "s.lindqvist",
   "description": "auth middleware: verify tokens against the new key set", "commit": "9f3c51ad",
   "environment": "production", "url": "https://deploys.example.com/3104",
   "hosts": ["api-1", "api-2", "api-3"],
   "files": ["src/main/java/shop/auth/TokenValidator.java", "src/main/java/shop/auth/KeySet.java"]},
  {"id": "d-3105", "kind": "rollback", "service": "api", "version": "2.3.9", "previous_version": "2.4.0",
   "at": "2024-04-10T11:00:00-07:00", "finished_at": "2024-04-10T11:01:30-07:00", "author": "s.lindqvist",
   "rollback_of": "d-3104", "description": "back to 2.3.9: customers locked out", "commit": "41e0aa97",
   "environment": "production", "url": "https://deploys.example.com/3105",
   "hosts": ["api-1", "api-2", "api-3"]}
]
"#;
