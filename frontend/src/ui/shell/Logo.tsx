interface LogoProps {
  readonly size?: number;
}

/** The product's mark: a thin glass over coloured cells. */
export function Logo({ size = 28 }: LogoProps) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="11" cy="12.5" r="5" fill="#0b7285" />
      <circle cx="20.5" cy="11" r="3.6" fill="#e8590c" />
      <circle cx="19.5" cy="20.5" r="4.6" fill="#5f3dc4" />
      <circle cx="10.5" cy="21.5" r="3" fill="#2b8a3e" />
      <rect
        x="2.5"
        y="5"
        width="27"
        height="22"
        rx="3"
        fill="#66d9e8"
        fillOpacity="0.28"
        stroke="#1098ad"
        strokeWidth="1.6"
      />
      <path d="M6 9.5 L11 9.5" stroke="#fff" strokeOpacity="0.85" strokeWidth="1.6" strokeLinecap="round" />
    </svg>
  );
}
