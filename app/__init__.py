"""The Streamlit side: texts, shared services, controls built from registry entries, live views."""
