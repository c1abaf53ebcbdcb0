"""A second shop for the tests: django-oscar as it comes, with a dozen products, on a loopback port.

    shop.py FOLDER PORT

Everything it writes is in FOLDER. It prints "open" once it answers and ends with SIGTERM.
"""

import pathlib
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from oscar.defaults import *  # noqa: F403  (Oscar's settings, as its documentation asks for)

FOLDER = pathlib.Path(sys.argv[1])
PORT = int(sys.argv[2])

OSCAR = {name: value for name, value in globals().items() if name.startswith("OSCAR_")}
OSCAR |= {
    "OSCAR_SHOP_NAME": "Rope and Twine",
    "OSCAR_ALLOW_ANON_CHECKOUT": True,
    "OSCAR_DEFAULT_CURRENCY": "EUR",
    # A page says the same whatever its reader saw before.
    "OSCAR_RECENTLY_VIEWED_PRODUCTS": 0,
}

settings.configure(
    **OSCAR,
    DEBUG=True,
    SECRET_KEY="for tests on loopback",
    ALLOWED_HOSTS=["*"],
    # Gabion in front ends TLS, and says so and which name customers asked for.
    USE_X_FORWARDED_HOST=True,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    SITE_ID=1,
    STATIC_URL="/static/",
    MEDIA_URL="/media/",
    MEDIA_ROOT=str(FOLDER / "media"),
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(FOLDER / "oscar.db"),
            "ATOMIC_REQUESTS": True,
        }
    },
    HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
    AUTHENTICATION_BACKENDS=["oscar.apps.customer.auth_backends.EmailBackend"],
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "django.contrib.sites",
        "django.contrib.flatpages",
        "oscar.config.Shop",
        "oscar.apps.analytics.apps.AnalyticsConfig",
        "oscar.apps.checkout.apps.CheckoutConfig",
        "oscar.apps.address.apps.AddressConfig",
        "oscar.apps.shipping.apps.ShippingConfig",
        "oscar.apps.catalogue.apps.CatalogueConfig",
        "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
        "oscar.apps.communication.apps.CommunicationConfig",
        "oscar.apps.partner.apps.PartnerConfig",
        "oscar.apps.basket.apps.BasketConfig",
        "oscar.apps.payment.apps.PaymentConfig",
        "oscar.apps.offer.apps.OfferConfig",
        "oscar.apps.order.apps.OrderConfig",
        "oscar.apps.customer.apps.CustomerConfig",
        "oscar.apps.search.apps.SearchConfig",
        "oscar.apps.voucher.apps.VoucherConfig",
        "oscar.apps.wishlists.apps.WishlistsConfig",
        "oscar.apps.dashboard.apps.DashboardConfig",
        "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
        "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
        "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
        "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
        "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
        "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
        "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
        "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
        "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
        "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
        "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
        "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
        "widget_tweaks",
        "haystack",
        "treebeard",
        "sorl.thumbnail",
        "django_tables2",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
        "oscar.apps.basket.middleware.BasketMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.debug",
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.template.context_processors.i18n",
                    "django.contrib.messages.context_processors.messages",
                    "oscar.apps.search.context_processors.search_form",
                    "oscar.apps.checkout.context_processors.checkout",
                    "oscar.apps.communication.notifications.context_processors.notifications",
                    "oscar.core.context_processors.metadata",
                ],
            },
        }
    ],
)
django.setup()

from django.apps import apps  # noqa: E402
from django.conf.urls.static import static  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("", include(apps.get_app_config("oscar").urls[0])),
]


class Server(WSGIServer):
    # One request after the other, as its database wants it; the others wait.
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    # Browsers open connections that they may never use; nobody waits behind those.
    timeout = 2

    def log_message(self, format, *args):
        pass


def fill():
    from django.contrib.sites.models import Site
    from django.core.management import call_command
    from oscar.core.loading import get_model
    from oscar.test.factories import create_product

    call_command("migrate", verbosity=0)
    Site.objects.update_or_create(pk=1, defaults={"domain": "rope.example", "name": "Rope and Twine"})
    country = {"printable_name": "Germany", "name": "Germany", "is_shipping_country": True}
    get_model("address", "Country").objects.update_or_create(iso_3166_1_a2="DE", defaults=country)
    if not get_model("catalogue", "Product").objects.exists():
        for number in range(12):
            create_product(upc=f"rope-{number}", title=f"Rope, {number + 4} mm", price=number + 5, num_in_stock=10_000)


def main():
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application

    fill()
    application = StaticFilesHandler(get_wsgi_application())
    server = make_server("127.0.0.1", PORT, application, server_class=Server, handler_class=Quiet)
    print("open", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
